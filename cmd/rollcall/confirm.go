package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// errDeclined is the error if the answer to a question is not the word that
// confirms.
var errDeclined = errors.New("not confirmed; nothing was changed")

// addYes adds the flag --yes to a command that asks for confirmation.
func addYes(c *cobra.Command, yes *bool) *cobra.Command {
	c.Flags().BoolVar(yes, "yes", false, "do not ask for confirmation")
	return c
}

// askable reports whether a command can ask for confirmation: without a terminal it needs
// --yes.
func askable(c *cobra.Command, yes bool) error {
	f, ok := c.InOrStdin().(*os.File)
	if yes || ok && term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return mistake("Confirmation required; pass --yes.")
}

// confirm asks for confirmation of what a sentence says. The answer must be the
// word.
func confirm(c *cobra.Command, yes bool, what, word string) error {
	if err := askable(c, yes); err != nil || yes {
		return err
	}
	return ask(c.Context(), c.InOrStdin(), c.ErrOrStderr(), what, word)
}

// ask prints a question and reads one line. Ctrl-C ends it.
func ask(ctx context.Context, in io.Reader, out io.Writer, what, word string) error {
	fmt.Fprintf(out, "%s\nType %s to continue: ", what, word)
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		typed <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return errDeclined
	case line := <-typed:
		if line != word {
			return errDeclined
		}
		return nil
	}
}

// typable returns a name that can be typed to confirm, or the id of a record whose name
// cannot.
func typable(name, id string) string {
	if name == "" || visible(name) != name || strings.TrimSpace(name) != name {
		return id
	}
	return name
}
