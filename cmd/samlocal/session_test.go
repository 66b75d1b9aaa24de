package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
}

func newTestSession(t *testing.T) *session {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "template.yaml", "")
	var out bytes.Buffer
	s, err := newSession(bare(), &out, &out)
	require.NoError(t, err)
	t.Cleanup(s.end)
	return s
}

func TestSession_EndsInReverseAndLeavesNoFolder(t *testing.T) {
	s := newTestSession(t)
	assert.Equalf(t, s.root, filepath.Dir(filepath.Dir(s.dir)), "the run's folder is %s, want it below .aws-sam of %s", s.dir, s.root)
	p, err := s.start(s.command(t.Context(), "sleep", "60"))
	require.NoError(t, err)
	begun := time.Now()
	s.end()
	select {
	case <-p.ended:
	default:
		t.Error("the program still runs")
	}
	elapsed := time.Since(begun)
	assert.Truef(t, elapsed <= grace/2, "ending took %s", elapsed)
	_, err = os.Stat(s.dir)
	assert.Truef(t, os.IsNotExist(err), "%s remains: %v", s.dir, err)
}

func TestProcess_SaysThatItEndedBeforeItWasReady(t *testing.T) {
	s := newTestSession(t)
	p, err := s.start(s.command(t.Context(), "false"))
	require.NoError(t, err)
	err = p.until(t.Context(), time.Minute, func(context.Context) bool { return false })
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "false ended"), "%v", err)
}

func TestProcessorOf_MapsGoToLambda(t *testing.T) {
	for goarch, want := range map[string]processor{
		"amd64": {"amd64", "x86_64"},
		"arm64": {"arm64", "arm64"},
	} {
		got, err := processorOf(goarch)
		assert.Truef(t, got == want && err == nil, "%s: %v %v, want %v", goarch, got, err, want)
	}
	_, err := processorOf("riscv64")
	assert.Error(t, err, "riscv64 is taken")
}

func TestFromContainers_NamesTheHost(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:8000":          "http://host.docker.internal:8000",
		"http://localhost:8000":          "http://host.docker.internal:8000",
		"http://[::1]:8000":              "http://host.docker.internal:8000",
		"https://127.0.0.1":              "https://host.docker.internal",
		"http://10.0.0.7:8000":           "http://10.0.0.7:8000",
		"http://dynamodb.example.test:1": "http://dynamodb.example.test:1",
	} {
		got, err := fromContainers(endpoint)
		assert.Truef(t, got == want && err == nil, "%s: %s %v, want %s", endpoint, got, err, want)
	}
	for _, endpoint := range []string{"", "127.0.0.1:8000", "ftp://127.0.0.1"} {
		got, err := fromContainers(endpoint)
		assert.Errorf(t, err, "%q is read as %s", endpoint, got)
	}
}

func TestEnvironment_IsForAllFunctions(t *testing.T) {
	s := &session{dynamodb: "http://127.0.0.1:8000"}
	variables, err := s.variables("rollcall", "http://127.0.0.1:3000/scim/v2")
	require.NoError(t, err)
	content, err := environment(variables)
	require.NoError(t, err)
	var got map[string]map[string]string
	require.NoError(t, json.Unmarshal(content, &got))
	want := map[string]map[string]string{"Parameters": {
		"ROLLCALL_TABLE": "rollcall", "ROLLCALL_BASE_URL": "http://127.0.0.1:3000/scim/v2",
		"AWS_ENDPOINT_URL_DYNAMODB": "http://host.docker.internal:8000", "ROLLCALL_PORTAL": "on",
	}, "AdminFunction": {"ROLLCALL_WAKE_QUEUE": ""}, "FeedFunction": {"ROLLCALL_WAKE_QUEUE": ""}}
	assert.Equalf(t, want, got, "%s", content)
}

// SAM ignores variables that the template does not have.
func TestEnvironment_IsInTheTemplate(t *testing.T) {
	template, err := os.ReadFile("../../template.yaml")
	require.NoError(t, err)
	s := &session{dynamodb: "http://127.0.0.1:8000", rate: 25}
	variables, err := s.variables("", "")
	require.NoError(t, err)
	for name := range variables {
		assert.Truef(t, bytes.Contains(template, []byte("        "+name+": ")), "template.yaml gives the functions no %s", name)
	}
	if !bytes.Contains(template, []byte("Architectures: [!Ref Architecture]")) {
		t.Error("the parameter Architecture does not choose the functions' processor")
	}
}

func TestSAMCommand_KnowsNoAccount(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA")
	t.Setenv("AWS_PROFILE", "prod")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1")
	t.Setenv("AWS_CA_BUNDLE", "bundle.pem")
	s := &session{processor: processor{"arm64", "arm64"}}
	env := s.samCommand(t.Context(), "build").Env
	for _, variable := range env {
		if strings.Contains(variable, "AKIA") || strings.Contains(variable, "prod") || strings.HasPrefix(variable, "AWS_CONTAINER_") {
			t.Errorf("SAM gets %s", variable)
		}
	}
	for _, want := range []string{"AWS_CA_BUNDLE=bundle.pem", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "LAMBDA_ARCH=arm64"} {
		assert.Truef(t, slices.Contains(env, want), "SAM gets no %s", want)
	}
}

func TestContainersOf_SelectsThoseOfTheRun(t *testing.T) {
	listed := `aaa /home/dev/rollcall/.aws-sam/local-1/build/UsersFunction
bbb /host_mnt/Users/dev/rollcall/home/dev/rollcall/.aws-sam/local-1/build/GroupsFunction
ccc /home/dev/rollcall/.aws-sam/local-12/build/UsersFunction
ddd /home/dev/other/.aws-sam/build/UsersFunction
eee
`
	got := containersOf(listed, "/home/dev/rollcall/.aws-sam/local-1")
	want := []string{"aaa", "bbb"}
	assert.Truef(t, slices.Equal(got, want), "%v, want %v", got, want)
	if got := containersOf("", "/home"); len(got) > 0 {
		t.Errorf("%v of none", got)
	}
}

func TestMountsBelow_BeginsWithTheDeepest(t *testing.T) {
	mounts := "/dev/vda / ext4 rw 0 0\noverlay /tmp/d/data/x overlay rw 0 0\nnsfs /tmp/d/data/x/y nsfs rw 0 0\nproc /tmp/dd proc rw 0 0\n"
	got, want := mountsBelow(mounts, "/tmp/d"), []string{"/tmp/d/data/x/y", "/tmp/d/data/x"}
	assert.Truef(t, slices.Equal(got, want), "%v, want %v", got, want)
}

func TestFreeNetwork_AvoidsTheMachines(t *testing.T) {
	inUse := []net.Addr{
		&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)},
		&net.IPNet{IP: net.IPv4(10, 193, 7, 9), Mask: net.CIDRMask(16, 32)},
		&net.IPNet{IP: net.IPv4(10, 194, 8, 9), Mask: net.CIDRMask(24, 32)},
	}
	random := bytes.NewReader([]byte{1, 1, 2, 8, 3, 9})
	assert.Equal(t, "10.195.9.1/24", freeNetwork(inUse, random))
}

func TestLog_KeepsUntilItIsOpened(t *testing.T) {
	var l log
	var shown bytes.Buffer
	for range 2 * shownLines {
		_, _ = l.Write([]byte("early\n"))
	}
	got := strings.Count(l.last(), "early")
	assert.Equalf(t, shownLines, got, "%d lines are quoted, want %d", got, shownLines)
	l.open(&shown)
	_, _ = l.Write([]byte("late\n"))
	assert.Equalf(t, "late\n", shown.String(), "%q is let through", shown.String())
}
