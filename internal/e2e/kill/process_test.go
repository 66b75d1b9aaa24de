package kill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(runtimetest.Run(m)) }

// command is the folder of the rollcall command.
const command = "cmd/rollcall"

// A server is a process of rollcall local.
type server struct {
	cmd    *exec.Cmd
	stderr *lockedBuffer
	ended  chan struct{} // closed when the process has ended
	remote
	admin *adminclient.Client
	token string
}

// lockedBuffer is written by a process while a test reads it.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// launch prepares a process of the command that can write nothing outside of the test's
// folders.
func launch(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), runtimetest.Binary(t, command), args...)
	cmd.Env = []string{"XDG_STATE_HOME=" + stateHome(t), "HOME=" + stateHome(t)}
	return cmd
}

var homes sync.Map // by test

func stateHome(t testing.TB) string {
	t.Helper()
	if home, ok := homes.Load(t.Name()); ok {
		return home.(string)
	}
	home := t.TempDir()
	homes.Store(t.Name(), home)
	return home
}

// serve starts rollcall local on a data folder, and returns when it serves. A nil error
// means that it does; otherwise the process has ended.
func serve(t testing.TB, cmd *exec.Cmd, info string) (*server, error) {
	t.Helper()
	s := &server{cmd: cmd, stderr: &lockedBuffer{}, ended: make(chan struct{})}
	cmd.Stderr = s.stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready := make(chan bool, 1)
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "Ctrl-C") {
				ready <- true
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait() // ProcessState has it
		ready <- false
	}()
	if !<-ready {
		<-s.ended
		return s, fmt.Errorf("rollcall local: %s: %s", cmd.ProcessState, s.stderr)
	}
	encoded, err := os.ReadFile(info)
	require.NoError(t, err)
	var said struct{ BaseURL, Token, AdminURL, AdminToken string }
	require.NoError(t, json.Unmarshal(encoded, &said))
	s.remote, s.token = remote{said.BaseURL, httpClient()}, said.Token
	s.admin, err = adminclient.New(said.AdminURL, adminclient.Bearer(said.AdminToken))
	require.NoError(t, err)
	return s, nil
}

// kill ends the process with SIGKILL.
func (s *server) kill(t testing.TB) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Kill())
	<-s.ended
	s.client.CloseIdleConnections()
}

// localArgs are the arguments of rollcall local for a data folder.
func localArgs(data, info string) []string {
	return []string{"local", "--listen", "127.0.0.1:0", "--rate", "0", "--seats", "100000", "--tenant", "acme", "--data", data, "--info", info}
}

// startLocal starts rollcall local on a data folder.
func startLocal(t testing.TB, data string) *server {
	t.Helper()
	info := filepath.Join(t.TempDir(), "info.json")
	s, err := serve(t, launch(t, localArgs(data, info)...), info)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.ended
	})
	return s
}

// newTenant creates a tenant with a token and its shared group.
func (s *server) newTenant(t testing.TB, name string) account {
	t.Helper()
	a := account{tenant: name, token: s.token}
	if name != "acme" {
		_, err := s.admin.Create(t.Context(), "/tenants/"+name, map[string]any{})
		require.NoError(t, err)
		minted, err := s.admin.CreateToken(t.Context(), name, adminwire.NewToken{Label: "kill"})
		require.NoError(t, err)
		a.token = minted.Text
	}
	a.share(t, s)
	return a
}

// adminOf reads with an admin client.
type adminOf struct{ client *adminclient.Client }

func (a adminOf) usage(ctx context.Context, tenant string) (adminwire.Usage, error) {
	var u adminwire.Usage
	encoded, _, err := a.client.Do(ctx, "GET", "/tenants/"+tenant+"/usage", nil, nil)
	if err == nil {
		err = json.Unmarshal(encoded, &u)
	}
	return u, err
}

func (a adminOf) log(ctx context.Context, tenant string, from time.Time) ([]adminwire.Entry, error) {
	var all []adminwire.Entry
	q := adminwire.LogQuery{From: from, Page: adminwire.Page{Limit: 200}}
	for {
		page, err := a.client.Log(ctx, tenant, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all, nil
		}
		q.After = page.Next
	}
}

// A verdict is what rollcall verify --json prints.
type verdict struct {
	Faults []struct {
		Item, Problem string
		Unfinished    bool
	}
	ItemsRead int
}

// verify runs rollcall verify on a data folder, with --repair --now or without.
func verify(t testing.TB, data, tenant string, repair bool) verdict {
	t.Helper()
	args := []string{"verify", "--json", "--tenant", tenant, "--data", data}
	if repair {
		args = append(args, "--repair", "--now")
	}
	cmd := launch(t, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // the status is 1 with a fault
	var v verdict
	require.NoError(t, json.Unmarshal(out, &v), "%s%s", out, &stderr)
	require.Positive(t, v.ItemsRead)
	return v
}
