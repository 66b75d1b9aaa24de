package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommands_Webhooks(t *testing.T) {
	s := start(t)
	defer s.end()
	s.says("No webhooks found.", "webhooks", "list")
	out, _ := s.command(0, "webhooks", "add", "https://app.example.com/hook", "--label", "app", "--types", "user.created,user.deleted", "--tenants", "acme")
	secret := regexp.MustCompile(`whsec_\S+`).FindString(out)
	require.NotEmpty(t, secret)
	require.Regexp(t, `types +user.created, user.deleted\ntenants +acme\nstate +nothing sent yet\n`, out)
	quiet, _ := s.command(0, "webhooks", "add", "http://127.0.0.1:9/", "--quiet")
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=\n$`, quiet)
	s.refuses(exitRefused, "private address", "webhooks", "add", "https://10.0.0.1/")
	s.refuses(exitRefused, "types[0] is not a type of event", "webhooks", "add", "https://a.example.com/", "--types", "nothing")
	s.refuses(exitRefused, "The URL is that of the webhook", "webhooks", "add", "https://app.example.com/hook")
	s.refuses(exitUsage, "--quiet and --json exclude each other", "webhooks", "add", "https://b.example.com/", "--quiet", "--json")

	id := s.object("webhooks", "show", "app")["id"].(string)
	for _, name := range []string{id, "https://app.example.com/hook"} {
		require.Equal(t, id, s.object("webhooks", "show", name)["id"])
	}
	s.refuses(exitNotFound, `webhook not found: "nobody"; 'rollcall webhooks list' lists them`, "webhooks", "show", "nobody")
	s.refuses(exitUsage, "The argument is the secret of a webhook", "webhooks", "show", secret)
	s.says(`URL +LABEL +TYPES +TENANTS +STATE +ID\nhttps://app.example.com/hook +app +user.created, user.deleted +acme +nothing sent yet +`+id+`\n`, "webhooks", "list")

	s.says(`types +all\ntenants +all\nstate +disabled since \S+: Disabled in the admin API.`, "webhooks", "change", "app", "--types", "all", "--tenants", "all", "--disable")
	s.says(`types +user.purged\n.*state +nothing sent yet`, "webhooks", "change", "app", "--types", "user.purged", "--enable")
	s.refuses(exitUsage, "nothing to change", "webhooks", "change", "app")
	s.refuses(exitUsage, "--disable and --enable exclude each other", "webhooks", "change", "app", "--disable", "--enable")
	s.says(`label +hooks\n`, "webhooks", "change", "app", "--label", "hooks", "--url", "https://app.example.com/other")

	rotated := s.object("webhooks", "rotate", "hooks")
	require.NotEqual(t, secret, rotated["secret"])
	s.says(`old secret +signs until 20`, "webhooks", "show", "hooks")
	for _, line := range [][]string{{"webhooks", "list"}, {"webhooks", "show", "hooks"}, {"webhooks", "list", "--json"}, {"webhooks", "deliveries", "hooks", "--json"}} {
		out, said := s.command(0, line...)
		require.NotContains(t, out+said, "whsec_", strings.Join(line, " "))
	}
	s.says("No deliveries found.", "webhooks", "deliveries", "hooks", "--state", "failed", "--limit", "3")
	s.refuses(exitRefused, "state is pending, delivered or failed", "webhooks", "deliveries", "hooks", "--state", "lost")
	s.refuses(exitUsage, "--limit must be", "webhooks", "deliveries", "hooks", "--limit", "-1")

	s.says(`^0 events will be sent again.\n$`, "webhooks", "redeliver", "hooks", "--from", "2h")
	require.Equal(t, true, s.object("webhooks", "redeliver", "hooks", "--from", "2h", "--to", "1h")["complete"])
	s.refuses(exitNotFound, "not in the log any more", "webhooks", "redeliver", "hooks", "--event", "none")
	s.refuses(exitUsage, "give either --from or --event", "webhooks", "redeliver", "hooks")
	s.refuses(exitUsage, "give either --from or --event", "webhooks", "redeliver", "hooks", "--from", "2h", "--event", "x")
	s.refuses(exitUsage, `--from: "soon" is not a time`, "webhooks", "redeliver", "hooks", "--from", "soon")
	s.refuses(exitRefused, "longer than 31 days", "webhooks", "redeliver", "hooks", "--from", "40d")

	answering := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NotEmpty(t, r.Header.Get("webhook-signature"))
		w.WriteHeader(map[string]int{"/ok": 204}[r.URL.Path] + map[string]int{"/broken": 500}[r.URL.Path])
	}))
	defer answering.Close()
	s.object("webhooks", "add", answering.URL+"/ok", "--label", "ok")
	s.object("webhooks", "add", answering.URL+"/broken", "--label", "broken")
	s.says(`^event \S+\n\S+  \d+ ms  204 No Content\n$`, "webhooks", "test", "ok")
	out, said := s.command(exitFailure, "webhooks", "test", "broken")
	require.Contains(t, out, "500 Internal Server Error")
	require.Contains(t, said, "the endpoint did not acknowledge the event")

	s.object("webhooks", "add", "https://app.example.com/third", "--label", "hooks")
	s.refuses(exitRefused, `2 webhooks have the label "hooks"`, "webhooks", "show", "hooks")
	s.refuses(exitUsage, "Confirmation required; pass --yes.", "webhooks", "delete", id)
	s.says("Webhook https://app.example.com/other is deleted.", "webhooks", "delete", id, "--yes")
	s.refuses(exitNotFound, "webhook not found", "webhooks", "rotate", id)
}
