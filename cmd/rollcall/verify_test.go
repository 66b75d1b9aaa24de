package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// populate creates two users and a group with them, and returns the group and
// bob.
func populate(s *server) (group, user string) {
	s.t.Helper()
	var ids []any
	for _, body := range []string{bob, strings.Replace(bob, "bob", "ann", 1)} {
		status, created := s.send("POST", "/Users", body)
		require.Equalf(s.t, 201, status, "POST user: %d %v", status, created)
		ids = append(ids, created["id"])
	}
	status, created := s.send("POST", "/Groups", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"staff","members":[{"value":%q},{"value":%q}]}`, ids...))
	require.Equalf(s.t, 201, status, "POST group: %d %v", status, created)
	return created["id"].(string), ids[0].(string)
}

// populated returns the folder of a tenant acme with two users and a group.
func populated(t *testing.T) (data, group, user string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data)
	group, user = populate(s)
	s.end()
	return data, group, user
}

// on calls change with the table of a folder.
func on(t *testing.T, data string, change func(table.Table)) {
	t.Helper()
	engine, err := embedded.Open(filepath.Join(data, "rollcall.db"))
	require.NoError(t, err)
	change(engine)
	require.NoError(t, engine.Close())
}

// write writes items that the store would never write.
func write(t *testing.T, data string, ops ...table.Op) {
	t.Helper()
	on(t, data, func(engine table.Table) {
		require.NoError(t, engine.Write(t.Context(), table.Transaction{Token: fmt.Sprint(time.Now().UnixNano()), Ops: ops}))
	})
}

// leave stores an unfinished task, as a request does that was killed at that
// time.
func leave(t *testing.T, data string, at time.Time, group string) {
	t.Helper()
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	on(t, data, func(engine table.Table) {
		s := app.NewStore(engine, app.Options{Now: func() time.Time { return at }})
		require.NoError(t, s.BeginEpoch(t.Context(), acme, group, nil, 1, at))
	})
}

// verify runs rollcall verify of the tenant acme.
func verify(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	out, said := &output{}, &output{}
	status = run(t.Context(), append([]string{"verify", "--tenant", "acme"}, args...), strings.NewReader(""), out, said)
	return status, out.String(), said.String()
}

func TestVerify_SoundTenant(t *testing.T) {
	data, _, _ := populated(t)
	status, stdout, stderr := verify(t, "--data", data)
	assert.Truef(t, status == 0 && stderr == "", "status %d: %s", status, stderr)
	for _, want := range []string{"acme: no fault in ", "users 2, groups 1, seats in use 2, readers 0"} {
		assert.Truef(t, strings.Contains(stdout, want) && strings.Count(stdout, "\n") == 1, "printed %q, want one line with %q", stdout, want)
	}
}

func TestVerify_NamesEachFault(t *testing.T) {
	data, group, user := populated(t)
	members := table.Key{Partition: "T#acme#G#" + group + "#1", Sort: user}
	ledger := table.Key{Partition: "T#acme#LEDGER", Sort: "0"}
	write(t, data, table.Delete(members), table.Update(ledger, table.Change{Set: table.Attributes{"seats": table.Number(7)}}))

	status, stdout, stderr := verify(t, "--data", data)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if status != 1 || len(lines) != 2 || lines[0] != "ledger: counts 7 seats, there are 2" || !strings.HasPrefix(lines[1], "user "+user+": ") {
		t.Errorf("status %d, printed %q, want the ledger and the user", status, lines)
	}
	assert.Equal(t, "rollcall: faults in the tenant acme: 2, of which unfinished: 0\n", stderr)

	// Faults that are not unfinished work are neither repaired nor made worse.
	status, again, _ := verify(t, "--data", data, "--repair", "--now")
	_, faults, _ := strings.Cut(again, "\n")
	assert.Truef(t, status == 1 && faults == stdout, "after --repair: status %d, printed %q, want the same faults", status, again)
}

func TestVerify_JSON(t *testing.T) {
	data, _, _ := populated(t)
	_, sound, _ := verify(t, "--data", data, "--json")
	leave(t, data, time.Now().Add(-2*time.Minute), "g1")
	status, broken, _ := verify(t, "--data", data, "--json")
	assert.Equalf(t, 1, status, "status %d", status)
	_, repaired, _ := verify(t, "--data", data, "--json", "--repair")
	for _, tt := range []struct {
		name, got string
		faults    int
		repaired  int
	}{
		{"sound", sound, 0, 0},
		{"broken", broken, 1, 0},
		{"repaired", repaired, 0, 1},
	} {
		var got struct {
			Tenant string
			Faults []struct {
				Item, Problem string
				Unfinished    bool
			}
			Repaired, ItemsRead int
		}
		err := json.Unmarshal([]byte(tt.got), &got)
		require.NoErrorf(t, err, "%s: %v: %s", tt.name, err, tt.got)
		if got.Tenant != "acme" || got.Faults == nil || len(got.Faults) != tt.faults || got.Repaired != tt.repaired || got.ItemsRead == 0 {
			t.Errorf("%s: %s", tt.name, tt.got)
		}
		for _, f := range got.Faults {
			assert.Truef(t, f.Unfinished && strings.HasPrefix(f.Item, "task ") && f.Problem != "", "%s: fault %+v", tt.name, f)
		}
	}
}

// Values that an earlier version did not reserve are found and reserved.
func TestVerify_RepairRenewsNames(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, "--data", data)
	status, created := s.send("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a@x.test","emails":[{"value":"b@x.test"}]}`)
	require.Equalf(t, 201, status, "POST user: %d %v", status, created)
	s.end()
	write(t, data, table.Delete(table.Key{Partition: "T#acme#NAMES#mail", Sort: "a@x.test"}),
		table.Update(table.Key{Partition: "T#acme#USERS", Sort: created["id"].(string)}, table.Change{Remove: []string{"held.addr"}}))

	status, stdout, _ := verify(t, "--data", data)
	assert.Truef(t, status == 1 && strings.Count(stdout, "\n") == 1 && strings.HasSuffix(stdout, "(renewable)\n"), "status %d, printed %q", status, stdout)
	status, stdout, _ = verify(t, "--data", data, "--repair")
	if status != 0 || !strings.Contains(stdout, "records whose names were renewed: 1;") || !strings.Contains(stdout, "no fault") {
		t.Errorf("--repair: status %d, printed %q", status, stdout)
	}
	if status, stdout, _ = verify(t, "--data", data, "--repair", "--json"); status != 0 || !strings.Contains(stdout, `"renewed":0`) {
		t.Errorf("--repair again: status %d, printed %q", status, stdout)
	}
}

func TestVerify_RepairFinishesWhatIsLeftOver(t *testing.T) {
	data, _, _ := populated(t)
	leave(t, data, time.Now().Add(-2*time.Minute), "g1")
	leave(t, data, time.Now(), "g2")

	status, stdout, stderr := verify(t, "--data", data)
	if status != 1 || strings.Count(stdout, "(unfinished)") != 2 || !strings.Contains(stderr, "of which unfinished: 2") {
		t.Errorf("status %d, printed %q, said %q", status, stdout, stderr)
	}
	status, stdout, _ = verify(t, "--data", data, "--repair")
	if status != 1 || !strings.HasPrefix(stdout, "finished of what was left over: 1; too young, and left to requests: 1\n") || strings.Count(stdout, "(unfinished)") != 1 {
		t.Errorf("--repair: status %d, printed %q", status, stdout)
	}
	if when := regexp.MustCompile(`(?m)^task epoch#g2#1: can be finished after \d\d:\d\d:\d\d UTC \(in (\d+ s|1 min [01] s)\)$`); len(when.FindAllString(stdout, -1)) != 1 {
		t.Errorf("--repair: printed %q, want when the young one can be finished", stdout)
	}
	status, stdout, stderr = verify(t, "--data", data, "--repair", "--now")
	if status != 0 || !strings.HasPrefix(stdout, "finished of what was left over: 1; too young, and left to requests: 0\n") || !strings.Contains(stdout, "acme: no fault") {
		t.Errorf("--repair --now: status %d, printed %q, said %q", status, stdout, stderr)
	}
}

// Staged work of a request is abandoned at once. The deletion of a tenant waits
// for requests that may still write, and --now says until when.
func TestVerify_RepairNowFinishesStagedWorkOrSaysWhen(t *testing.T) {
	data, group, _ := populated(t)
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	on(t, data, func(engine table.Table) {
		s := app.NewStore(engine, app.Options{})
		g, err := s.Group(t.Context(), acme, group)
		if err == nil {
			err = s.BeginEpoch(t.Context(), acme, group, g, 2, time.Now().Add(10*time.Minute))
		}
		if err == nil {
			_, err = s.StageMembers(t.Context(), acme, group, 2, []string{"nobody"})
		}
		require.NoError(t, err)
	})
	staged := regexp.MustCompile(`task epoch#` + group + `#2: can be finished after \d\d:\d\d:\d\d UTC \(in (59 s|1 min [01] s)\)`)
	if status, stdout, _ := verify(t, "--data", data, "--repair"); status != 1 || !staged.MatchString(stdout) {
		t.Errorf("--repair: status %d, printed %q", status, stdout)
	}
	if status, stdout, stderr := verify(t, "--data", data, "--repair", "--now"); status != 0 || !strings.Contains(stdout, "finished of what was left over: 1; too young, and left to requests: 0\nacme: no fault") {
		t.Errorf("--repair --now: status %d, printed %q, said %q", status, stdout, stderr)
	}

	begun := time.Now()
	on(t, data, func(engine table.Table) {
		require.NoError(t, tenant.NewRegistry(app.NewStore(engine, app.Options{}), time.Now).End(t.Context(), acme))
	})
	ending := regexp.MustCompile(`(?m)^task tenant#acme: can be finished after \d\d:\d\d:\d\d UTC \(in 4[0-6] s\)$`)
	if status, stdout, _ := verify(t, "--data", data, "--repair", "--now"); status != 1 || !ending.MatchString(stdout) || !strings.Contains(stdout, "(unfinished)") {
		t.Errorf("--repair --now: status %d, printed %q", status, stdout)
	}
	_, stdout, _ := verify(t, "--data", data, "--repair", "--now", "--json")
	var got struct {
		Waiting []struct {
			Task  string
			After time.Time
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	if len(got.Waiting) != 1 || got.Waiting[0].Task != "tenant#acme" || got.Waiting[0].After.Sub(begun) < 44*time.Second || got.Waiting[0].After.Sub(begun) > 60*time.Second {
		t.Errorf("--json: %+v", got)
	}
}

func TestInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "1 s", time.Millisecond: "1 s", 59 * time.Second: "59 s", 72 * time.Second: "1 min 12 s", 61*time.Minute + time.Second: "61 min 1 s",
	} {
		assert.Equalf(t, want, inWords(d), "%v", d)
	}
}

// rollcall local finishes unfinished work of an earlier run, and says so.
func TestLocal_SweepsInTheBackground(t *testing.T) {
	data, _, _ := populated(t)
	leave(t, data, time.Now().Add(-2*time.Minute), "g1")
	s := start(t, "--data", data)
	for range 200 {
		if strings.Contains(s.stderr.String(), `"event":"scim.sweep"`) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.end()
	log := s.stderr.String()
	assert.Truef(t, strings.Count(log, `"event":"scim.sweep"`) == 1 && strings.Contains(log, `"done":1`), "logged %s", log)
	status, stdout, _ := verify(t, "--data", data)
	assert.Equalf(t, 0, status, "status %d: %s", status, stdout)
	s = start(t, "--data", data)
	s.end()
	assert.NotContains(t, s.stderr.String(), "scim.sweep", "a sweep that found nothing was logged")
}

// On a server, with its flags, and with the table of a deployment.
func TestVerify_OnDynamoDB(t *testing.T) {
	endpoint := tabletest.Endpoint(t)
	name := "rollcall-verify-" + strings.ToLower(time.Now().UTC().Format("20060102t150405.000000000"))
	s := start(t, "--dynamodb", endpoint, "--table", name)
	populate(s)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	for _, args := range [][]string{{"--dynamodb", endpoint, "--table", name}, {"--table", name}} {
		status, stdout, stderr := verify(t, args...)
		assert.Truef(t, status == 0 && strings.Contains(stdout, "users 2, groups 1"), "%v: status %d, printed %q, said %q", args, status, stdout, stderr)
		args[len(args)-1] += "-absent"
		if status, _, stderr := verify(t, args...); status != exitUnchecked || !strings.Contains(stderr, "ResourceNotFoundException") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: status %d, said %q", args, status, stderr)
		}
	}
	s.end()
}

func TestVerify_Mistakes(t *testing.T) {
	data, _, _ := populated(t)
	busy, _, _ := populated(t)
	s := start(t, "--data", busy)
	defer s.end()
	notes := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(notes, "rollcall.db"), []byte("a file of another program, of more than a page?"), 0o600))
	for name, tt := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no tenant":         {[]string{"--data", data}, 2, "--tenant ID is missing"},
		"bad tenant":        {[]string{"--tenant", "Acme Inc", "--data", data}, 2, "lower-case letters"},
		"unknown tenant":    {[]string{"--tenant", "globex", "--data", data}, exitUnchecked, "there is no tenant globex in " + data},
		"nowhere":           {[]string{"--tenant", "acme"}, 2, "no data is named: pass --data DIR"},
		"two places":        {[]string{"--tenant", "acme", "--data", data, "--dynamodb", "http://127.0.0.1:1"}, 2, "exclude each other"},
		"no endpoint":       {[]string{"--tenant", "acme", "--dynamodb", "nonsense"}, exitUnchecked, "http://127.0.0.1:8000"},
		"no such folder":    {[]string{"--tenant", "acme", "--data", filepath.Join(data, "x")}, exitUnchecked, "there is no data in"},
		"not our file":      {[]string{"--tenant", "acme", "--data", notes}, exitUnchecked, "cannot be opened"},
		"data in use":       {[]string{"--tenant", "acme", "--data", busy}, exitUnchecked, "another process has it open: stop 'rollcall local' there"},
		"now by itself":     {[]string{"--tenant", "acme", "--data", data, "--now"}, 2, "--repair"},
		"unknown flag":      {[]string{"--nonsense"}, 2, "'rollcall verify --help' lists the flags"},
		"stray word":        {[]string{"acme"}, 2, "--help"},
		"empty folder name": {[]string{"--tenant", "acme", "--data", ""}, 2, "--data is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said := &output{}, &output{}
			status := run(t.Context(), append([]string{"verify"}, tt.args...), strings.NewReader(""), out, said)
			assert.Equal(t, tt.status, status, "status")
			if got := strings.TrimSpace(said.String()); !strings.Contains(got, tt.says) || strings.Contains(got, "\n") || out.String() != "" {
				t.Errorf("said %q, printed %q, want one line with %q", got, out, tt.says)
			}
		})
	}
	_, err := os.Stat(filepath.Join(data, "x"))
	assert.True(t, os.IsNotExist(err), "verify made a folder")
}

func TestVerify_HelpTellsTheExitStatus(t *testing.T) {
	out := &output{}
	status := run(t.Context(), []string{"verify", "--help"}, strings.NewReader(""), out, out)
	assert.Equalf(t, 0, status, "status %d", status)
	for _, want := range []string{"Exit status:", "--repair", "-tenant ID", "-data DIR"} {
		assert.Contains(t, out.String(), want)
	}
}

// Flags had one dash or two in earlier versions: one dash is refused with the
// form that works.
func TestFlags_OneDashIsExplained(t *testing.T) {
	for _, args := range [][]string{
		{"verify", "-tenant", "acme"}, {"verify", "-data=/x"}, {"local", "-seats", "3"}, {"local", "-listen=127.0.0.1:0"}, {"verify", "-json"},
	} {
		said := &output{}
		status := run(t.Context(), args, strings.NewReader(""), said, said)
		want := "a flag's name takes two dashes: -" + args[1]
		if status != exitUsage || !strings.Contains(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("%v: status %d, said %q, want %q", args, status, said, want)
		}
	}
	said := &output{}
	status := run(t.Context(), []string{"verify", "-nonsense"}, strings.NewReader(""), said, said)
	assert.Truef(t, status == exitUsage && !strings.Contains(said.String(), "two dashes"), "status %d, said %q", status, said)
}
