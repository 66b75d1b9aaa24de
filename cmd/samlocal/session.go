package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A session is one run: what it started, and how to end that.
type session struct {
	machine
	processor processor
	root      string // the checkout
	dir       string // files of this run only, removed at its end
	stdout    io.Writer
	stderr    io.Writer
	endings   []func(context.Context)

	// environment has the variables that programs get besides ours.
	environment []string
	// template is the template that sam local serves, once the functions are
	// built.
	template string
	// samDocker is where SAM finds Docker.
	samDocker string
	// image is the image in which sam local runs the functions.
	image image
	// dynamodb is the endpoint of the table, as seen from here.
	dynamodb string
	table    table.Table
	// rate is the rate limit of a tenant, in requests a second; 0 means the
	// template's.
	rate int
}

// patience is how long everything that a run started may take to end.
const patience = 60 * time.Second

// newSession creates the folder of a run, below .aws-sam of the checkout:
// Docker on a Mac mounts only what is below the home folder.
func newSession(m machine, stdout, stderr io.Writer) (*session, error) {
	p, err := processorOf(m.processor)
	if err != nil {
		return nil, err
	}
	root, err := checkout()
	if err != nil {
		return nil, err
	}
	parent := filepath.Join(root, ".aws-sam")
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "local-*")
	if err != nil {
		return nil, err
	}
	s := &session{machine: m, processor: p, root: root, dir: dir, stdout: stdout, stderr: stderr}
	s.atEnd(func(context.Context) { _ = os.RemoveAll(dir) })
	if err := os.Mkdir(s.temporary(), 0o700); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// checkout returns the folder with template.yaml: this one or a parent.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("template.yaml not found: run it in the checkout of rollcall")
		}
	}
}

// atEnd calls do when the run ends; the last call comes first.
func (s *session) atEnd(do func(context.Context)) { s.endings = append(s.endings, do) }

// end undoes what the run did, however it ended.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(s.endings) > 0 {
		last := len(s.endings) - 1
		do := s.endings[last]
		s.endings = s.endings[:last]
		do(ctx)
	}
}

// say prints what is done next.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.stderr, "samlocal: "+format+"\n", args...)
}
