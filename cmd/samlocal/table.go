package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

const tableAbout = `samlocal table creates the table that sam local uses, with the tenants of the events
(events/README.md). Its name and DynamoDB's address are those of env.json. A table of
that name is deleted first.`

func runTable(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("table", flag.ContinueOnError)
	file := flags.String("env-vars", "", "`FILE` with the variables of the functions; by default env.json of the checkout")
	if err := parse(flags, tableAbout, args, stderr); err != nil {
		return err
	}
	if *file == "" {
		root, err := checkout()
		if err != nil {
			return err
		}
		*file = filepath.Join(root, envFile)
	}
	e, err := readEnvVars(*file)
	if err != nil {
		return usageError{err}
	}
	if err := e.fill(ctx); err != nil {
		return fmt.Errorf("%w\n%s has the address", err, *file)
	}
	fmt.Fprintf(stdout, `The table %s at %s has the tenants of the events (events/README.md).

  base URL  %s
  token     %s

The token is public: it is for this table only.
`, e.Table, e.fromHere(), e.BaseURL, fixture.Token)
	return nil
}

// envFile is the file that samconfig.toml passes to sam local as --env-vars.
const envFile = "env.json"

// An envVars has the variables of the functions under sam local.
type envVars struct {
	Table    string `json:"ROLLCALL_TABLE"`
	BaseURL  string `json:"ROLLCALL_BASE_URL"`
	DynamoDB string `json:"AWS_ENDPOINT_URL_DYNAMODB"`
}

func readEnvVars(file string) (envVars, error) {
	var content struct{ Parameters envVars }
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &content)
	}
	if err != nil {
		return envVars{}, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	e := content.Parameters
	u, err := url.Parse(e.DynamoDB)
	if err != nil || u.Host == "" || e.Table == "" || e.BaseURL == "" {
		return envVars{}, fmt.Errorf("%s has no ROLLCALL_TABLE, ROLLCALL_BASE_URL or AWS_ENDPOINT_URL_DYNAMODB", file)
	}
	return e, nil
}

// fromHere returns DynamoDB's address on this machine: only the containers know
// it as host.docker.internal.
func (e envVars) fromHere() string {
	u, err := url.Parse(e.DynamoDB)
	if err != nil || u.Hostname() != hostName {
		return e.DynamoDB
	}
	u.Host = net.JoinHostPort("127.0.0.1", cmp.Or(u.Port(), "80"))
	return u.String()
}

// fill creates the table again, so that each event gets its expected answer.
func (e envVars) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := dynamo.NewLocalClient(ctx, e.fromHere())
	if err != nil {
		return err
	}
	reach, ended := context.WithTimeout(ctx, 15*time.Second)
	defer ended()
	if err := dynamo.CreateTable(reach, client, e.Table); err != nil {
		return fmt.Errorf("no DynamoDB answers at %s: start DynamoDB Local there (%w)", e.fromHere(), err)
	}
	if err := dynamo.DropTable(ctx, client, e.Table); err != nil {
		return err
	}
	if err := dynamo.CreateTable(ctx, client, e.Table); err != nil {
		return err
	}
	return fixture.Fill(ctx, dynamo.New(client, e.Table))
}

// drop deletes the table.
func (e envVars) drop(ctx context.Context) error {
	client, err := dynamo.NewLocalClient(ctx, e.fromHere())
	if err != nil {
		return err
	}
	return dynamo.DropTable(ctx, client, e.Table)
}
