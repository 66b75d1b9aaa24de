package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
)

// guide has the SAM commands that samlocal test types.
const guide = "docs/how-to/sam-local.md"

// A typed has the commands of the guide, and the checkout in which they are
// typed.
type typed struct {
	*session
	dir      string // a copy of the checkout, as a clone has it
	commands []string
	env      envVars // of the copy
	port     int     // of start-api and start-lambda
}

// commandsOf returns the commands of the guide's section on SAM's own commands:
// the lines of its blocks.
func commandsOf(guide string) ([]string, error) {
	_, section, found := strings.Cut(guide, "\n## SAM's own commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for i, block := range strings.Split(section, "```") {
		if text, isShell := strings.CutPrefix(block, "sh\n"); i%2 == 1 && isShell {
			for line := range strings.Lines(text) {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
	}
	if !found || len(commands) == 0 {
		return nil, errors.New("the guide has no commands of SAM")
	}
	return commands, nil
}

// The beginnings of the commands that are tested.
const (
	typedDynamoDB    = "docker run "
	typedTable       = "make sam-table"
	typedBuild       = "sam build"
	typedInvoke      = "sam local invoke "
	typedStartAPI    = "sam local start-api"
	typedStartLambda = "sam local start-lambda"
	typedRequest     = "curl "
)

// tries returns how each kind of command is tested, once the functions are
// built. The other commands are part of these tests.
func (c *typed) tries() map[string]func(ctx context.Context, command string) error {
	return map[string]func(context.Context, string) error{
		typedTable:       c.typeTable,
		typedInvoke:      c.typeInvoke,
		typedStartAPI:    c.typeStartAPI,
		typedStartLambda: c.typeStartLambda,
	}
}

// beside has the reason for each command that is not tested by itself.
var beside = map[string]string{
	typedDynamoDB: "the run has a DynamoDB of its own",
	typedBuild:    "typed above",
	typedRequest:  "sent to sam local start-api",
}

// kindOf returns the beginning of a command.
func kindOf(command string) (string, error) {
	kinds := []string{typedDynamoDB, typedTable, typedBuild, typedInvoke, typedStartAPI, typedStartLambda, typedRequest}
	i := slices.IndexFunc(kinds, func(k string) bool { return strings.HasPrefix(command, k) })
	if i < 0 {
		return "", fmt.Errorf("%s has the command %q, which is not tested", guide, command)
	}
	return kinds[i], nil
}

// command returns the guide's first command of a kind.
func (c *typed) command(kind string) string {
	for _, command := range c.commands {
		if strings.HasPrefix(command, kind) {
			return command
		}
	}
	return ""
}

// newTyped copies the checkout and sets in the copy what differs between
// machines: the ports, which may be in use here, and the image, which may be
// impossible to fetch. The commands are typed unchanged.
func (s *session) newTyped(ctx context.Context) (*typed, error) {
	text, err := os.ReadFile(filepath.Join(s.root, guide))
	if err != nil {
		return nil, err
	}
	c := &typed{session: s, dir: filepath.Join(s.dir, "clone")}
	if c.commands, err = commandsOf(string(text)); err != nil {
		return nil, err
	}
	for _, command := range c.commands {
		if _, err := kindOf(command); err != nil {
			return nil, err
		}
	}
	if c.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if err := cloneTo(s.root, c.dir); err != nil {
		return nil, err
	}
	// The guide's commands call sam.
	if err := os.Mkdir(filepath.Join(s.dir, "bin"), 0o700); err != nil {
		return nil, err
	}
	shim := "#!/bin/sh\nexec " + filepath.Join(s.root, sam) + " sam \"$@\"\n"
	return c, os.WriteFile(filepath.Join(s.dir, "bin", "sam"), []byte(shim), 0o700) //nolint:gosec // it is run
}

// cloneTo copies the files of a checkout, without what is built or stored
// there.
func cloneTo(root, dir string) error {
	kept := []string{".git", ".aws-sam", ".cache", ".data", "bin"}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(kept, name):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o750)
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), content, info.Mode().Perm())
	})
}

// settle writes the address of DynamoDB, the ports and the image into the copy.
func (c *typed) settle(dynamodb string) error {
	file := filepath.Join(c.dir, envFile)
	was, err := readEnvVars(filepath.Join(c.root, envFile))
	if err != nil {
		return err
	}
	endpoint, err := fromContainers(dynamodb)
	if err != nil {
		return err
	}
	port := strconv.Itoa(c.port)
	c.env = envVars{Table: temporaryTable(), BaseURL: strings.Replace(was.BaseURL, ":3000/", ":"+port+"/", 1), DynamoDB: endpoint}
	content, err := json.Marshal(map[string]envVars{"Parameters": c.env})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(c.root, "samconfig.toml"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "samconfig.toml"), []byte(c.samconfig(string(config), port)), 0o600)
}

// samconfig returns SAM's configuration with the ports, and with the image
// unless it is AWS's.
func (c *typed) samconfig(config, port string) string {
	image := ""
	if c.image.ours {
		image = "skip_pull_image = true\ninvoke_image = [\"" + c.image.name + "\"]\n"
	}
	for section, more := range map[string]string{
		"local_invoke": image, "local_start_api": image + "port = " + port + "\n", "local_start_lambda": image + "port = " + port + "\n",
	} {
		head := "[default." + section + ".parameters]\n"
		config = strings.Replace(config, head, head+more, 1)
	}
	return config
}

// shell returns a command as typed in the copy of the checkout.
func (c *typed) shell(ctx context.Context, command string) *exec.Cmd {
	cmd := c.samCommand(ctx)
	cmd = c.session.shell(ctx, command, cmd.Env)
	cmd.Dir = c.dir
	return cmd
}

// shell returns a command that the shell runs, with an environment that make
// has not changed.
func (s *session) shell(ctx context.Context, command string, environment []string) *exec.Cmd {
	cmd := s.command(ctx, "sh", "-c", command)
	cmd.Env = nil
	for _, variable := range environment {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "ARGS", "EVENT", "LAMBDA_ARCH", "ROLLCALL_TEST_DYNAMODB", "PATH":
		default:
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+filepath.Join(s.dir, "bin")+string(os.PathListSeparator)+s.env("PATH"))
	return cmd
}

// build types the build; its functions for this machine serve the rest of the
// test.
func (c *typed) build(ctx context.Context) error {
	command := c.command(typedBuild)
	c.say("typing %s, for the deployment and for %s", command, c.processor.lambda)
	if err := c.quietly(ctx, c.shell(ctx, command)); err != nil {
		return err
	}
	c.template = filepath.Join(c.dir, ".aws-sam", "local", "template.yaml")
	for folder, want := range map[string]elf.Machine{
		filepath.Join(".aws-sam", "build", "UsersFunction"): elf.EM_AARCH64, // as template.yaml has it
		filepath.Join(".aws-sam", "local", "UsersFunction"): map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[c.processor.lambda],
	} {
		f, err := elf.Open(filepath.Join(c.dir, folder, "bootstrap"))
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		got := f.Machine
		_ = f.Close() // it was only read
		if got != want {
			return fmt.Errorf("%s: the function in %s is for %s, want %s", command, folder, got, want)
		}
	}
	return nil
}

// testTyped types the commands of the guide.
func (s *session) testTyped(ctx context.Context, c *typed, t *tally) error {
	begun := time.Now()
	if err := c.settle(s.dynamodb); err != nil {
		return err
	}
	for _, command := range c.commands {
		kind, err := kindOf(command)
		if why, ok := beside[kind]; err == nil && ok {
			fmt.Fprintf(s.stdout, "     %s: %s\n", command, why)
			continue
		}
		if err == nil {
			err = c.tries()[kind](ctx, command)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.fail(s.stdout, command, err.Error())
			continue
		}
		t.pass()
		fmt.Fprintf(s.stdout, "pass typed: %s\n", command)
	}
	if err := c.typeWithoutDynamoDB(ctx); err != nil {
		t.fail(s.stdout, "without DynamoDB", err.Error())
	} else {
		t.pass()
		fmt.Fprintf(s.stdout, "pass typed without DynamoDB: %s\n", c.command(typedInvoke))
	}
	s.say("SAM's own commands took %s, after the build", time.Since(begun).Round(time.Second))
	return ctx.Err()
}

func (c *typed) typeTable(ctx context.Context, command string) error {
	c.atEnd(func(ctx context.Context) { _ = c.env.drop(ctx) })
	out, err := c.output(ctx, c.shell(ctx, command))
	if err == nil && !strings.Contains(out, c.env.BaseURL) {
		err = fmt.Errorf("it does not print the base URL:\n%s", out)
	}
	return err
}

// typeInvoke invokes a function with an event, and compares the answer with the
// expected one.
func (c *typed) typeInvoke(ctx context.Context, command string) error {
	_, name, _ := strings.Cut(command, " -e ")
	e, err := readEvent(filepath.Join(c.dir, strings.TrimSpace(name)))
	if err != nil {
		return err
	}
	a, err := c.invoked(ctx, command)
	if err != nil {
		return err
	}
	lines := logged(a.said)
	if len(lines) == 0 {
		e.want.Log = nil
	}
	return e.want.Check(a.payload, lines, c.env.BaseURL)
}

func (c *typed) invoked(ctx context.Context, command string) (answer, error) {
	cmd := c.shell(ctx, command)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return answer{}, errors.Join(ctx.Err(), fmt.Errorf("%w\n%s", err, tail(said.Bytes())))
	}
	return answer{payload: bytes.TrimSpace(out.Bytes()), said: said.String()}, nil
}

// typeWithoutDynamoDB tests what a developer without DynamoDB Local sees: soon,
// the answer says what is wrong, and the log has the address.
func (c *typed) typeWithoutDynamoDB(ctx context.Context) error {
	const closed = "http://" + hostName + ":1"
	content, err := json.Marshal(map[string]envVars{"Parameters": {Table: c.env.Table, BaseURL: c.env.BaseURL, DynamoDB: closed}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.dir, envFile), content, 0o600); err != nil {
		return err
	}
	a, err := c.invoked(ctx, c.command(typedInvoke))
	if err != nil {
		return err
	}
	r, err := eventfile.DecodeResponse(a.payload)
	if err != nil {
		return err
	}
	const says = "The service's database cannot be reached"
	if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Body, says) || strings.Contains(r.Body, hostName) {
		return fmt.Errorf("answered %d %s, want 503 that says %q, without an address", r.StatusCode, r.Body, says)
	}
	if lines := logged(a.said); len(lines) > 0 {
		if why, _ := lines[0]["error"].(string); lines[0]["cause"] != "store_unavailable" || !strings.Contains(why, closed) {
			return fmt.Errorf("the log has cause %v and error %q, want the address %s", lines[0]["cause"], why, closed)
		}
	}
	return nil
}

// request matches the guide's curl command.
var request = regexp.MustCompile(`Bearer (\S+?)'.* '?http://127\.0\.0\.1:3000(/[^ ']*)`)

// typeStartAPI serves the API, and sends the request of the guide.
func (c *typed) typeStartAPI(ctx context.Context, command string) error {
	asked := request.FindStringSubmatch(c.command(typedRequest))
	if asked == nil {
		return fmt.Errorf("%s has no request with a token to %s", guide, command)
	}
	return c.serving(ctx, command, func(ctx context.Context, address string) error {
		if status := statusOf(ctx, address+asked[2], asked[1]); status != http.StatusOK {
			return fmt.Errorf("%s: %d, want 200", asked[2], status)
		}
		return nil
	})
}

// typeStartLambda serves the functions, and invokes one as AWS's tools do.
func (c *typed) typeStartLambda(ctx context.Context, command string) error {
	e, err := readEvent(filepath.Join(c.dir, tried[0]))
	if err != nil {
		return err
	}
	return c.serving(ctx, command, func(ctx context.Context, address string) error {
		if err := c.env.fill(ctx); err != nil {
			return err
		}
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/2015-03-31/functions/UsersFunction/invocations", bytes.NewReader(e.payload))
		if err != nil {
			return err
		}
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		payload, err := io.ReadAll(r.Body)
		_ = r.Body.Close() // it was read to its end
		if err != nil {
			return err
		}
		e.want.Log = nil // it is in the output of the command
		return e.want.Check(bytes.TrimSpace(payload), nil, c.env.BaseURL)
	})
}

// serving runs a command that serves, while do runs.
func (c *typed) serving(ctx context.Context, command string, do func(ctx context.Context, address string) error) error {
	var said log
	cmd := c.shell(context.WithoutCancel(ctx), command)
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := c.start(cmd)
	if err != nil {
		return err
	}
	defer p.stop(ctx)
	address := "http://127.0.0.1:" + strconv.Itoa(c.port)
	err = p.until(ctx, starting, func(ctx context.Context) bool { return listens(ctx, c.port) })
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		err = do(limited, address)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, said.last())
	}
	return nil
}

// listens reports whether a program accepts connections on a port of this
// machine.
func listens(ctx context.Context, port int) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}
