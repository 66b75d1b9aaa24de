package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// A container is a container of rollcall local's own image, which the Dockerfile describes.
type container struct {
	*session
	image, volume, name string
}

// testContainer builds the image, and checks that the service in it answers on its published
// port, that the command of the health check and a provisioning of a user succeed in it, and
// that the data outlives the container.
func (s *session) testContainer(ctx context.Context, t *tally) error {
	s.say("building the image of rollcall local (Dockerfile)")
	id := strings.ToLower(rand.Text()[:10])
	c := container{session: s, image: "rollcall-test:" + id, volume: "rollcall-test-" + id, name: "rollcall-test-" + id}
	s.atEnd(func(ctx context.Context) {
		_ = c.docker(ctx, "rm", "--force", "--volumes", c.name).Run()
		_ = c.docker(ctx, "volume", "rm", c.volume).Run()
		_ = c.docker(ctx, "image", "rm", c.image).Run()
	})
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"image of rollcall local", c.build},
		{"rollcall local in a container", c.serves},
		{"data of a container", c.keepsData},
	} {
		err := part.do(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.fail(s.stdout, part.name, err.Error())
			return nil
		}
		t.pass()
		fmt.Fprintf(s.stdout, "pass %s\n", part.name)
	}
	return nil
}

func (c container) docker(ctx context.Context, args ...string) *exec.Cmd {
	return c.command(ctx, "docker", args...)
}

// build builds the image, which must not run as root.
func (c container) build(ctx context.Context) error {
	if err := c.quietly(ctx, c.command(ctx, "scripts/image.sh", c.image)); err != nil {
		return err
	}
	user, err := c.output(ctx, c.docker(ctx, "image", "inspect", "--format", "{{.Config.User}}", c.image))
	if err == nil && user != "65532:65532" {
		err = fmt.Errorf("the image runs as %q, want 65532:65532", user)
	}
	return err
}

// run starts a container without any right, on the volume, and waits until it serves.
func (c container) run(ctx context.Context) error {
	err := c.quietly(ctx, c.docker(ctx, "run", "--detach", "--name", c.name, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--publish", "127.0.0.1::8080", "--volume", c.volume+":/data", c.image))
	if err != nil {
		return err
	}
	log := c.docker(ctx, "logs", "--follow", c.name)
	out, in := io.Pipe()
	log.Stdout, log.Stderr = in, in
	logs, err := c.start(log)
	if err != nil {
		return err
	}
	defer logs.stop(ctx)
	defer func() { _ = out.Close() }()
	go func() {
		<-logs.ended
		_ = in.Close()
	}()
	var said strings.Builder
	for part := make([]byte, 4096); ; {
		n, err := out.Read(part)
		said.Write(part[:n])
		if strings.Contains(said.String(), "Ctrl-C stops the server.") {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the container ended before it served: %s", tail([]byte(said.String())))
		}
	}
}

// exec runs a command of rollcall in the container.
func (c container) exec(ctx context.Context, args ...string) error {
	return c.quietly(ctx, c.docker(ctx, append([]string{"exec", c.name, "/rollcall"}, args...)...))
}

func (c container) serves(ctx context.Context) error {
	if err := c.run(ctx); err != nil {
		return err
	}
	address, err := c.output(ctx, c.docker(ctx, "port", c.name, "8080/tcp"))
	if err != nil {
		return err
	}
	if err := refused(ctx, "http://"+address+"/scim/v2/Users"); err != nil {
		return err
	}
	return errors.Join(c.healthy(ctx), c.exec(ctx, "doctor", "--tenant", "acme"), c.exec(ctx, "init", "--tenant", "kept", "--seats", "7"))
}

// healthy runs the command of the image's health check.
func (c container) healthy(ctx context.Context) error {
	check, err := c.output(ctx, c.docker(ctx, "image", "inspect", "--format", "{{join .Config.Healthcheck.Test \" \"}}", c.image))
	if err != nil {
		return err
	}
	args, ok := strings.CutPrefix(check, "CMD /rollcall ")
	if !ok {
		return fmt.Errorf("the image's health check is %q", check)
	}
	return c.exec(ctx, strings.Fields(args)...)
}

// refused returns nil if a request without a token gets rollcall's refusal.
func refused(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), "urn:ietf:params:scim:api:messages:2.0:Error")) {
		err = fmt.Errorf("%s answers %d %s without a token", url, answer.StatusCode, body)
	}
	return err
}

func (c container) keepsData(ctx context.Context) error {
	if err := c.quietly(ctx, c.docker(ctx, "stop", c.name)); err != nil {
		return err
	}
	state, err := c.output(ctx, c.docker(ctx, "inspect", "--format", "{{.State.ExitCode}}", c.name))
	if err != nil {
		return err
	}
	if state != "0" {
		return fmt.Errorf("the stopped server ends with status %s", state)
	}
	if err := c.quietly(ctx, c.docker(ctx, "rm", c.name)); err != nil {
		return err
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	return c.exec(ctx, "tenant", "get", "kept")
}
