package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/spf13/pflag"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tail"
)

// An engineFlags says where the data is.
type engineFlags struct {
	data     string
	endpoint string
	table    string
	// create allows a missing table to be created. It is set by the command,
	// not by a flag.
	create bool
}

func (f *engineFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.data, "data", "", "keep the data in a file in `DIR`")
	flags.StringVar(&f.endpoint, "dynamodb", "", "`ENDPOINT` of a DynamoDB on this machine, for example http://127.0.0.1:8000")
	flags.StringVar(&f.table, "table", "rollcall", "`NAME` of the DynamoDB table")
}

// An engine is an open table.
type engine struct {
	table.Table
	// place says where its data is.
	place string
	close func()
}

// stream begins the stream of the table's changes, from which events are delivered. That of
// a DynamoDB is one of this process's changes: package tail says why.
func (e *engine) stream() (feed.Stream, error) {
	if file, ok := e.Table.(*embedded.Table); ok {
		return file, file.KeepRecords(app.StreamSuffixes...)
	}
	changes := tail.New(e.Table, time.Now, app.StreamSuffixes...)
	e.Table = changes
	return changes, nil
}

// open opens the table of --data or --dynamodb, or, without them, the one that
// the command uses by default.
func (f engineFlags) open(ctx context.Context, without func() (engine, error)) (engine, error) {
	switch {
	case f.endpoint != "":
		return f.openServer(ctx)
	case f.data != "":
		return f.openFile()
	}
	return without()
}

func (f engineFlags) openServer(ctx context.Context) (engine, error) {
	client, err := dynamo.NewLocalClient(ctx, f.endpoint)
	if err != nil {
		return engine{}, fmt.Errorf("--dynamodb %s: %w", f.endpoint, err)
	}
	if f.create {
		reach, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		if err := dynamo.CreateTable(reach, client, f.table); err != nil {
			return engine{}, fmt.Errorf("no DynamoDB answers at %s: start it, or give another --dynamodb ENDPOINT (%w)", f.endpoint, err)
		}
	}
	return engine{dynamo.New(client, f.table), "table " + f.table + " at " + f.endpoint, func() {}}, nil
}

// openAWS opens a deployment's table, with the account and region that AWS
// tools use.
func (f engineFlags) openAWS(ctx context.Context) (engine, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return engine{}, fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	return engine{dynamo.New(dynamodb.NewFromConfig(c), f.table), "table " + f.table + " in AWS", func() {}}, nil
}

func (f engineFlags) openFile() (engine, error) {
	path := filepath.Join(f.data, "rollcall.db")
	if f.create {
		if err := os.MkdirAll(f.data, 0o700); err != nil {
			return engine{}, fmt.Errorf("the folder %s cannot be made: choose another with --data DIR (%w)", f.data, err)
		}
	}
	// A kept token shows that there was data: without this check a new table
	// would look like one that has lost all its users.
	kept := keptTokens(f.data)
	open := embedded.OpenExisting
	if f.create && kept == "" {
		open = embedded.Open
	}
	t, err := open(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && kept == "":
		return engine{}, fmt.Errorf("there is no data in %s: give the folder of 'rollcall local --data DIR' (%w)", f.data, err)
	case err != nil:
		return engine{}, fmt.Errorf("the data in %s cannot be opened: %w", f.data, openError(err, kept))
	}
	return engine{t, path, func() { _ = t.Close() }}, nil
}

// keptTokens returns a file in a folder in which an earlier start kept a token,
// or "".
func keptTokens(folder string) string {
	for _, pattern := range []string{tokenFile("*"), adminTokenFile} {
		if found, _ := filepath.Glob(filepath.Join(escaped(folder), pattern)); len(found) > 0 { // no bad pattern
			return filepath.Base(found[0])
		}
	}
	return ""
}

// escaped returns a path as a pattern that matches only that path.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// openError returns why a data file cannot be opened, and what to do about it.
// Nothing was changed.
func openError(err error, kept string) error {
	switch {
	case errors.Is(err, embedded.ErrInUse):
		return fmt.Errorf("%w: stop 'rollcall local' there, or give another folder with --data DIR", embedded.ErrInUse)
	case errors.Is(err, embedded.ErrDamaged):
		return fmt.Errorf("%w; nothing was changed. Restore rollcall.db from a copy; to begin with no data, move the whole folder away", err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("rollcall.db is missing, while %s is there from an earlier start; nothing was changed. Restore rollcall.db from a copy; to begin with no data, move the whole folder away", kept)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("rollcall.db can only be read here; nothing was changed. Allow this user to write to it, or choose another folder with --data DIR (%w)", err)
	}
	return fmt.Errorf("%w; choose another folder with --data DIR", err)
}

func openMemory() (engine, error) {
	t, err := embedded.Memory()
	if err != nil {
		return engine{}, fmt.Errorf("no memory engine: %w", err)
	}
	return engine{t, "in memory, lost at the end; --data DIR keeps it", func() { _ = t.Close() }}, nil
}
