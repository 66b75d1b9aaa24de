package main

import (
	"errors"
	"fmt"
)

// A tool is a program that a run needs.
type tool struct {
	name string
	// why it is needed, and what to install.
	why, install string
}

var (
	docker = tool{"docker", "the functions run in containers", "install Docker; scripts/docker.sh does on Debian"}
	python = tool{"python3", "the SAM CLI is written in it", "install Python 3 with venv (Debian: python3-venv)"}
	gnu    = tool{"make", "sam build builds the functions with it", "install make"}
	golang = tool{"go", "the functions are built with it", "install Go"}
	java   = tool{"java", "DynamoDB Local runs on it", "install Java 17 or later, or name a running DynamoDB with --dynamodb"}
	// iproute is needed only for a daemon of our own.
	iproute = tool{"ip", "the Docker daemon of the run gets a network of its own", "install iproute2"}
	static  = tool{"busybox", "the replacement for AWS's image is built from it", "install a static busybox (Debian: busybox-static)"}
)

// has returns an error of one line if a tool is missing: its name, why it is
// needed, what to install.
func (m machine) has(t tool) error {
	if _, err := m.find(t.name); err != nil {
		return fmt.Errorf("%s not found (%s): %s", t.name, t.why, t.install)
	}
	return nil
}

// need returns an error with a line for each missing tool.
func (m machine) need(tools ...tool) error {
	var missing []error
	for _, t := range tools {
		missing = append(missing, m.has(t))
	}
	return errors.Join(missing...)
}
