package browsertest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// The script adds the time of the browser's zone to each time, and a button to each text to
// copy, under the strict policy. Without scripts a page shows UTC and no such button, and
// nothing else is different.
func TestScript_AddsLocalTimesAndCopyButtons(t *testing.T) {
	b := browse(t)
	s := serveOn(t, provoke.NewAt(t, enginetest.Memory(t), 1, time.Date(2026, time.March, 2, 20, 30, 0, 0, time.UTC)))
	s.user("first@example.com")
	refused := s.user("anna@example.com")
	require.Equal(t, 403, refused.Status)
	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"})
	b.open(s.base+s.console.Link("acme"), "Overview")
	details := s.base + "/console/t/acme/requests/" + refused.RequestID
	b.open(details, "Details of a request")
	with := get(b, chromedp.Text(chromedp.CSS("main")))
	assert.Contains(t, with, "2026-03-02 20:30:", "UTC is gone")
	assert.Regexp(t, `2026-03-03 02:00:\d\d GMT\+5:30`, with, "the local time of another day has its date")

	// A browser keeps what is copied where a test cannot read it: its clipboard is replaced.
	get(b, chromedp.Evaluate[bool](`(() => {
		Object.defineProperty(navigator, "clipboard", {value: {writeText: (text) => { window.copied = text; return Promise.resolve(); }}});
		return true;
	})()`))
	b.do(chromedp.Click(chromedp.CSS("#request + button.copy")))
	assert.Equal(t, refused.RequestID, get(b, chromedp.Evaluate[string](`window.copied`)))
	b.says("#request + button.copy", "Copied")
	b.says("main > [role=status]:last-child", "Copied.")
	get(b, chromedp.Evaluate[bool](`(() => { navigator.clipboard.writeText = () => Promise.reject(new Error("no")); return true; })()`))
	b.do(chromedp.Click(chromedp.CSS("#what-to-do-1 + button.copy")))
	b.says("#what-to-do-1 + button.copy", "Selected")
	assert.Equal(t, get(b, chromedp.Text(chromedp.CSS("#what-to-do-1"))), get(b, chromedp.Evaluate[string](`String(getSelection())`)))

	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "UTC"})
	b.open(details, "Details of a request")
	assert.Zero(t, b.count(".local"), "a reader in UTC sees each time twice")

	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open(details, "Details of a request")
	assert.Zero(t, b.count("button.copy"))
	without := get(b, chromedp.Text(chromedp.CSS("main")))
	added := regexp.MustCompile(`,? 2026-03-03 02:00:\d\d GMT\+5:30|\bCopy\b`)
	words := func(text string) string { return strings.Join(strings.Fields(added.ReplaceAllString(text, "")), " ") }
	assert.Equal(t, words(without), words(with), "a page without scripts has other texts")
	b.do(chromedp.Click(chromedp.CSS("#request")))
	assert.Equal(t, refused.RequestID, strings.TrimSpace(get(b, chromedp.Evaluate[string](`String(getSelection())`))), "one click does not select the id")
	b.calm()
}

// On a wide screen the filters of a list are open, and no address in a table is split. On a
// phone the filters fold and say which are set, an address that fits is not split, and a
// longer one is split after its @ first.
func TestLists_FitTheScreen(t *testing.T) {
	b := browse(t)
	s := serve(t, 0)
	long := "bartholomew.longfellow@engineering.example.com"
	for _, name := range []string{"anna@example.com", "jean-paul.o-hara@sub-domain.example.com", long} {
		require.Equal(t, 403, s.user(name).Status)
	}
	b.open(s.base+s.console.Link("acme"), "Overview")
	shown := chromedp.Evaluate[bool](`document.querySelector("#outcome").checkVisibility({contentVisibilityAuto: true})`)
	// Of each address in the table, its lines.
	lines := chromedp.Evaluate[map[string][]string](`(() => {
		const found = {};
		for (const a of document.querySelectorAll("table .address")) {
			const text = a.textContent, list = [];
			const nodes = document.createTreeWalker(a, NodeFilter.SHOW_TEXT);
			let last = null;
			for (let node; node = nodes.nextNode();) for (let i = 0; i < node.length; i++) {
				const range = document.createRange();
				range.setStart(node, i);
				range.setEnd(node, i + 1);
				const top = range.getBoundingClientRect().top;
				if (last === null || Math.abs(top - last) > 4) list.push("");
				list[list.length - 1] += node.data[i];
				last = top;
			}
			found[text] = list;
		}
		return found;
	})()`)
	b.shape(1024, 800, false, "light")
	b.open(s.base+"/console/t/acme/log?outcome=failure", "Provisioning log")
	assert.True(t, get(b, shown), "the filters are folded on a wide screen")
	found := get(b, lines)
	assert.Len(t, found, 3)
	for address, lines := range found {
		assert.Equal(t, []string{address}, lines)
	}

	b.shape(390, 800, true, "light")
	b.open(s.base+"/console/t/acme/log?outcome=failure", "Provisioning log")
	assert.False(t, get(b, shown), "the filters are open on a phone")
	b.says("#filters summary", "Filters: Failure")
	assert.Equal(t, map[string][]string{
		"anna@example.com": {"anna@example.com"}, "jean-paul.o-hara@sub-domain.example.com": {"jean-paul.o-hara@", "sub-domain.example.com"},
		long: {"bartholomew.longfellow@", "engineering.example.com"},
	}, get(b, lines))
	b.do(chromedp.Click(chromedp.CSS("#filters summary")))
	assert.True(t, get(b, shown), "the filters do not open")
	b.calm()
}
