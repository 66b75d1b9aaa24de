package main

import (
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

	s.object("webhooks", "add", "https://app.example.com/third", "--label", "hooks")
	s.refuses(exitRefused, `2 webhooks have the label "hooks"`, "webhooks", "show", "hooks")
	s.refuses(exitUsage, "Confirmation required; pass --yes.", "webhooks", "delete", id)
	s.says("Webhook https://app.example.com/other is deleted.", "webhooks", "delete", id, "--yes")
	s.refuses(exitNotFound, "webhook not found", "webhooks", "rotate", id)
}
