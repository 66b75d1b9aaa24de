package console

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// Every page can be used by keyboard and by screen reader: one main heading and no
// level left out, a name for every field and button, a caption and scopes for every
// table, ids that are there once, and references that lead somewhere.
func TestPages_AreAccessible(t *testing.T) {
	b := visitor(t, minting())
	all := map[string]*element{}
	for _, path := range pages() {
		all[path] = b.follow(path).page()
	}
	all["outside"] = outsider(t, nil).get("/console/").page()
	all["wrong link"] = outsider(t, nil).get("/console/?t=x").page()
	b.post("/console/t/acme/tokens", nil)
	all["minted"] = b.get("/console/t/acme/tokens/minted").page()
	b.service.set("POST /webhooks/w1/secret", adminwire.WebhookWithSecret{Webhook: hook, Secret: newSecretText})
	b.post("/console/t/acme/events/w1/rotate", nil)
	all["a secret"] = b.get("/console/t/acme/webhook-secret").page()
	all["an endpoint with faults"] = b.post("/console/t/acme/events", url.Values{"label": {strings.Repeat("x", 101)}}).page()
	all["a form with a fault"] = b.post("/console/t/acme/tokens", url.Values{"expires": {"x"}}).page()
	all["settings with a fault"] = b.post("/console/t/acme/settings", url.Values{"version": {"v1"}, "maxSeats": {"many"}, "rehire": {"x"}}).page()
	all["settings to confirm"] = b.post("/console/t/acme/settings", url.Values{"version": {"v1"}, "maxSeats": {"60"}, "scimEnabled": {"false"}}).page()
	all["changed meanwhile"] = b.post("/console/t/acme/settings", url.Values{"version": {"v0"}, "maxSeats": {"60"}}).page()
	all["left"] = b.post("/console/leave", nil).page()
	for path, p := range all {
		checkStructure(t, path, p)
	}
}

func checkStructure(t *testing.T, path string, p *element) {
	t.Helper()
	wrong := func(format string, args ...any) { t.Helper(); t.Errorf("%s: %s", path, fmt.Sprintf(format, args...)) }
	ids := map[string]*element{}
	for _, e := range p.all(func(e *element) bool { return e.attrs["id"] != "" }) {
		if ids[e.attrs["id"]] != nil {
			wrong("the id %s is there twice", e.attrs["id"])
		}
		ids[e.attrs["id"]] = e
	}
	root := p.named("html")[0]
	if root.attrs["lang"] != "en" || len(root.named("title")) < 1 || root.named("title")[0].words() == "" || len(p.named("main")) != 1 {
		wrong("no language, title or main part")
	}
	level := 0
	for _, h := range p.named("h1", "h2", "h3", "h4") {
		n, _ := strconv.Atoi(h.name[1:])
		if n > level+1 || level > 0 && n == 1 || h.words() == "" {
			wrong("the heading %s %q follows one of level %d", h.name, h.words(), level)
		}
		level = n
	}
	if level == 0 {
		wrong("no heading")
	}
	labelled := map[string]bool{}
	for _, l := range p.named("label") {
		if l.words() == "" || ids[l.attrs["for"]] == nil {
			wrong("a label %q for %q", l.words(), l.attrs["for"])
		}
		labelled[l.attrs["for"]] = true
	}
	for _, e := range p.named("input", "select", "textarea") {
		if e.attrs["type"] != "hidden" && !labelled[e.attrs["id"]] {
			wrong("%v has no label", e)
		}
	}
	for _, e := range p.named("a", "button", "summary") {
		if e.words() == "" {
			wrong("%v has no text", e)
		}
		if label, text := e.attrs["aria-label"], e.words(); label != "" && !strings.HasPrefix(label, strings.Fields(text)[0]) {
			wrong("%q is heard as %q", text, label)
		}
		if e.name == "a" && e.attrs["href"] == "" {
			wrong("%v leads nowhere", e)
		}
	}
	for _, e := range p.all(func(*element) bool { return true }) {
		for _, name := range []string{"aria-labelledby", "aria-describedby"} {
			for _, id := range strings.Fields(e.attrs[name]) {
				if ids[id] == nil || ids[id].words() == "" {
					wrong("%v refers to %s", e, id)
				}
			}
		}
		if _, ok := e.attrs["style"]; ok || e.name == "script" && !ownScript(e) || e.name == "style" {
			wrong("%v is not let through by the policy", e)
		}
		if e.attrs["role"] == "region" && e.attrs["tabindex"] != "0" {
			wrong("%v is not scrolled by keyboard", e)
		}
		if e.name == "time" && !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(e.attrs["datetime"]) {
			wrong("%v is no time", e)
		}
		if to := e.attrs["href"]; strings.HasPrefix(to, "#") && ids[to[1:]] == nil {
			wrong("%s leads nowhere", to)
		}
		if e.name == "p" && len(e.named("p", "div", "details", "ul", "dl", "table", "section", "h2", "h3")) > 0 {
			wrong("a paragraph holds more than a line: %s", e.words())
		}
		if e.name == "a" && len(e.named("a", "details", "button")) > 0 {
			wrong("a link holds another one: %s", e.words())
		}
	}
	for _, table := range p.named("table") {
		if c := table.named("caption"); len(c) != 1 || c[0].words() == "" || table.children[1].name != "caption" && table.children[0].name != "caption" {
			wrong("a table without a caption")
		}
		columns := len(table.named("thead")[0].named("th"))
		for _, th := range table.named("th") {
			if th.attrs["scope"] == "" {
				wrong("%q is the heading of nothing", th.words())
			}
		}
		for _, row := range table.named("tbody")[0].named("tr") {
			cells := row.named("th", "td")
			if len(cells) != columns || cells[0].name != "th" {
				wrong("a row of %d cells below %d headings", len(cells), columns)
			}
			if table.attrs["class"] != "cards-on-phone" {
				continue
			}
			for i, cell := range cells[1:] {
				if heading := table.named("thead")[0].named("th")[i+1].words(); cell.attrs["data-label"] != heading {
					wrong("the cell %q is called %q below %q", cell.words(), cell.attrs["data-label"], heading)
				}
			}
		}
	}
}

func TestStyle_LoadsNothing(t *testing.T) {
	css := styleText(t)
	for _, what := range []string{"url(", "@import", "@font-face", "expression(", "http"} {
		assert.NotContainsf(t, css, what, "the stylesheet has %s", what)
	}
	assert.Equal(t, strings.Count(css, "}"), strings.Count(css, "{"), "a brace is missing")
}

// Each class in the templates has a style, or is named here because tests and people's
// own styles use it.
func TestStyle_KnowsTheClassesOfTheTemplates(t *testing.T) {
	css := styleText(t)
	entries, err := files.ReadDir("templates")
	require.NoError(t, err)
	known := []string{"subject", "cause", "docs", "history", "level-ok", "facts", "go", "bulk"}
	seen := 0
	for _, entry := range entries {
		text, err := files.ReadFile("templates/" + entry.Name())
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`class="([a-z0-9 -]+)"`).FindAllStringSubmatch(string(text), -1) {
			for _, class := range strings.Fields(m[1]) {
				seen++
				if !slices.Contains(known, class) && !regexp.MustCompile(`\.`+class+`\b`).MatchString(css) {
					t.Errorf("%s has the class %s, which the stylesheet has not", entry.Name(), class)
				}
			}
		}
	}
	assert.Truef(t, seen >= 100, "%d classes", seen)
	for i := range plotColours + 1 {
		assert.Containsf(t, css, fmt.Sprintf(".c%d { fill: var(--c%d); }", i, i), "the colour c%d is not used", i)
	}
}

// WCAG 2.2, AA: 4.5 to 1 for text, 3 to 1 for what is drawn, in both modes.
func TestStyle_HasContrast(t *testing.T) {
	light, dark := colours(t)
	for mode, of := range map[string]map[string]string{"light": light, "dark": dark} {
		check := func(least float64, ground string, names ...string) {
			for _, name := range names {
				if got := contrast(t, of[name], of[ground]); got < least {
					t.Errorf("%s: %s on %s is %.2f to 1, want %.1f", mode, name, ground, got, least)
				}
			}
		}
		check(4.5, "surface", "ink", "quiet", "link", "bad", "warn", "good")
		check(4.5, "page", "ink", "quiet", "link", "bad")
		check(4.5, "good-ground", "good")
		check(4.5, "warn-ground", "warn")
		check(4.5, "bad-ground", "bad")
		check(4.5, "plain-ground", "ink")
		check(4.5, "action", "on-action")
		check(4.5, "danger", "on-danger")
		check(3, "surface", "edge", "action", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "gauge-ok", "gauge-high", "gauge-full")
		check(3, "rest", "gauge-ok", "gauge-high", "gauge-full")
		check(3, "page", "edge", "action")
	}
	if got := contrast(t, "#000000", "#ffffff"); math.Abs(got-21) > 0.001 {
		t.Errorf("black on white is %.2f to 1", got)
	}
	if got := contrast(t, "#777777", "#ffffff"); got >= 4.5 || got < 4.4 {
		t.Errorf("#777 on white is %.2f to 1", got)
	}
	// Every colour has its name: a pair that is not checked is not there.
	rules := regexp.MustCompile(`(?s):root \{.*?\}`).ReplaceAllString(styleText(t), "")
	if m := regexp.MustCompile(`#[0-9a-f]{3,8}\b`).FindAllString(rules, -1); !slices.Equal(m, []string{"#999999"}) { // printed
		t.Errorf("colours without a name: %q", m)
	}
}

// colours returns the stylesheet's colours by name; dark has all of them.
func colours(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(styleText(t), -1)
	require.Lenf(t, blocks, 2, "%d sets of colours", len(blocks))
	var sets [2]map[string]string
	for i, block := range blocks {
		sets[i] = map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(block[1], -1) {
			sets[i][m[1]] = m[2]
		}
	}
	for name := range sets[0] {
		assert.NotEmptyf(t, sets[1][name], "%s has no dark colour", name)
	}
	assert.Truef(t, len(sets[0]) >= 25 && len(sets[0]) == len(sets[1]), "%d and %d colours", len(sets[0]), len(sets[1]))
	return sets[0], sets[1]
}

// contrast returns WCAG's ratio of two colours.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	bright := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			require.NoErrorf(t, err, "%q is no colour", colour)
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := bright(a), bright(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func styleText(t *testing.T) string {
	t.Helper()
	css, err := files.ReadFile("style.css")
	require.NoError(t, err)
	return string(css)
}
