package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// sam is the SAM CLI in the version of tools/requirements.txt.
const sam = "scripts/sam.sh"

// samCommand returns a command of the SAM CLI. It gets no AWS account: SAM
// would look up the caller, and pass its keys to the functions. Its temporary
// files are the run's: a lock left by an interrupted SAM blocks the next one.
func (s *session) samCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := s.command(ctx, sam, append([]string{"sam"}, args...)...)
	env := cmd.Env[:0:0]
	for _, variable := range cmd.Env {
		if !isReplaced(variable) {
			env = append(env, variable)
		}
	}
	cmd.Env = append(env,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"LAMBDA_ARCH="+s.processor.golang, "TMPDIR="+s.temporary())
	if s.samDocker != "" {
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+s.samDocker)
	}
	return cmd
}

// isReplaced reports whether SAM must not inherit a variable: the credentials and
// region for AWS, and the variables that samCommand sets.
func isReplaced(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	switch name {
	case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "LAMBDA_ARCH", "TMPDIR":
		return true
	}
	return strings.HasPrefix(name, "AWS_CONTAINER_CREDENTIALS_")
}

func (s *session) temporary() string { return filepath.Join(s.dir, "tmp") }

// parameters select the processor of this machine.
func (s *session) parameters() []string {
	return []string{"--parameter-overrides", "Architecture=" + s.processor.lambda}
}

// build builds the functions for this machine in the run's folder:
// .aws-sam/build is for deployments.
func (s *session) build(ctx context.Context) error {
	s.template = filepath.Join(s.dir, "build", "template.yaml")
	s.say("building the functions for %s (sam build)", s.processor.lambda)
	args := append([]string{"build", "--template", "template.yaml", "--build-dir", filepath.Dir(s.template), "--no-cached", "--build-in-source"},
		s.parameters()...)
	return s.quietly(ctx, s.samCommand(ctx, args...))
}

// samLocal returns a command of sam local on the built functions.
func (s *session) samLocal(ctx context.Context, variables map[string]string, command string, args ...string) (*exec.Cmd, error) {
	file, err := s.writeVariables(variables)
	if err != nil {
		return nil, err
	}
	all := append([]string{"local", command}, args...)
	all = append(all, "--template", s.template, "--env-vars", file, "--add-host", hostName+":host-gateway", "--skip-pull-image")
	if s.image.ours {
		all = append(all, "--invoke-image", s.image.name)
	}
	return s.samCommand(ctx, append(all, s.parameters()...)...), nil
}

// variables returns the variables that the functions get instead of the
// template's.
func (s *session) variables(table, baseURL string) (map[string]string, error) {
	endpoint, err := fromContainers(s.dynamodb)
	if err != nil {
		return nil, err
	}
	variables := map[string]string{
		"ROLLCALL_TABLE":            table,
		"ROLLCALL_BASE_URL":         baseURL,
		"ROLLCALL_PORTAL":           "on",
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint,
	}
	if s.rate > 0 {
		variables["ROLLCALL_TENANT_RATE"] = strconv.Itoa(s.rate)
	}
	return variables, nil
}

// environment returns the file for sam local's --env-vars. SAM silently ignores
// a variable that the template does not have. The feed and the admin API get an empty name
// of the queue of wake-ups, because this machine has no queue.
func environment(variables map[string]string) ([]byte, error) {
	return json.MarshalIndent(map[string]map[string]string{
		"Parameters": variables, "AdminFunction": {"ROLLCALL_WAKE_QUEUE": ""}, "FeedFunction": {"ROLLCALL_WAKE_QUEUE": ""},
	}, "", "  ")
}

func (s *session) writeVariables(variables map[string]string) (string, error) {
	content, err := environment(variables)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(s.dir, "variables-*.json")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w", file.Name(), err)
	}
	return file.Name(), nil
}
