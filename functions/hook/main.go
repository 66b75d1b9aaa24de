// Command hook is the Lambda function that CodeDeploy invokes before it moves
// traffic to a new version of a function. It tries the new versions of all
// functions, and reports whether they answer as expected.
package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/canary"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/logline"
)

func main() {
	hook, err := newHook()
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.StartEvent(hook.Handle)
}

// newHook returns the hook of the versions in ROLLCALL_NEW_USERS,
// ROLLCALL_NEW_GROUPS and so on.
func newHook() (*canary.Hook, error) {
	versions := map[string]string{}
	for _, variable := range os.Environ() {
		if name, ok := strings.CutPrefix(variable, "ROLLCALL_NEW_"); ok {
			function, version, _ := strings.Cut(name, "=")
			versions[strings.ToLower(function)] = version
		}
	}
	if len(versions) == 0 {
		return nil, errors.New("ROLLCALL_NEW_USERS and the others are not set: each is the ARN of a function's new version")
	}
	events, err := fs.Sub(rollcall.DeployEvents, "events/deploy")
	if err != nil {
		return nil, err
	}
	clients, err := canary.NewAWS()
	if err != nil {
		return nil, err
	}
	return &canary.Hook{
		Versions: versions, Events: events, Invoker: clients, Reporter: clients, Log: slog.New(logline.ForFunction()),
	}, nil
}
