package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// chromium returns the browser of this machine. Without one the test is
// skipped, and fails in CI.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("ROLLCALL_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	const missing = "there is no Chromium: apt-get install chromium, or name it in ROLLCALL_CHROMIUM"
	require.Empty(t, os.Getenv("CI"), missing)
	t.Skip(missing)
	return ""
}

// A tab is a page of a browser. Every error that the browser reports fails the
// test: content blocked by a policy, a resource not found.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	faults   []string
	expected []string
}

// patience is how long a page may take.
const patience = 20 * time.Second

// browse opens a browser with its own profile.
func browse(t *testing.T) *tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // the sandbox does not work as root, or in a container
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.WSURLReadTimeout(time.Minute))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, b.hear))
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{log.Enable, runtime.Enable} {
		call(b, enable, cdp.Empty{})
	}
	call(b, network.Enable, network.EnableParams{})
	b.shape(1100, 800, false, "light")
	return b
}

// hear records the errors that the browser reports.
func (b *tab) hear(event any) {
	fault := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault = fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			fault = fmt.Sprintf("%d %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "http://127.0.0.1:") {
			fault = "a request elsewhere: " + e.Request.URL
		}
	}
	if fault != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.faults = append(b.faults, fault)
	}
}

// calm fails the test if the browser has reported errors.
func (b *tab) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		assert.Truef(b.t, slices.ContainsFunc(b.expected, func(text string) bool { return strings.Contains(fault, text) }), "the browser says: %s", fault)
	}
	b.faults = nil
}

// get runs an action in a tab, and returns its result.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, action)
	if err != nil {
		where, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.t.Fatalf("at %s: %v", where, err)
	}
	return found
}

// call sends the browser a command.
func call[P, R any](b *tab, command cdp.Command[P, R], parameters P) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, command, parameters)
	require.NoError(b.t, err)
}

// do runs steps one after another in a tab.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	get(b, chromedp.Steps(steps...))
}

// shape sets the size and the colour scheme of the page.
func (b *tab) shape(width, height int64, phone bool, scheme string) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1.25, Mobile: phone,
	})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// open goes to a page, and waits for its heading.
func (b *tab) open(url, heading string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.at(heading)
}

// at fails the test unless the page has this heading.
func (b *tab) at(heading string) {
	b.t.Helper()
	if got := get(b, chromedp.Text(chromedp.CSS("h1"))); got != heading {
		b.t.Fatalf("the page is %q, want %q: %s", got, heading, get(b, chromedp.Text(chromedp.CSS("main"))))
	}
}

// follow clicks a link to another page, and waits for it.
func (b *tab) follow(selector, heading string) {
	b.t.Helper()
	b.submit(selector)
	b.at(heading)
}

// submit clicks what leads to another page, and waits until that page is loaded.
func (b *tab) submit(selector string) {
	b.t.Helper()
	const loaded = `document.readyState == "complete" ? String(performance.timeOrigin) : ""`
	before := get(b, chromedp.Evaluate[string](loaded))
	b.do(chromedp.Click(chromedp.CSS(selector)))
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		// Between two pages nothing can be evaluated.
		now, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](loaded))
		if err == nil && now != "" && now != before {
			break
		}
		require.Falsef(b.t, time.Now().After(end), "%s leads nowhere", selector)
	}
}

// set fills a field.
func (b *tab) set(selector, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// says fails the test unless an element shows all texts.
func (b *tab) says(selector string, texts ...string) {
	b.t.Helper()
	got := get(b, chromedp.Text(chromedp.CSS(selector)))
	for _, text := range texts {
		assert.Containsf(b.t, got, text, "%s shows %q, want %q", selector, got, text)
	}
}

// html returns the page's source as the browser parsed it.
func (b *tab) html() string {
	b.t.Helper()
	return get(b, chromedp.OuterHTML(chromedp.CSS("html")))
}

// count returns the number of elements.
func (b *tab) count(selector string) int {
	b.t.Helper()
	return get(b, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
}

// rename shows one text in place of another of the same length: for an id that
// is different in each run.
func (b *tab) rename(from, to string) {
	b.t.Helper()
	get(b, chromedp.Evaluate[int](fmt.Sprintf(`(() => {
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		let n = 0;
		for (let t; t = texts.nextNode();) if (t.data.includes(%q)) { t.data = t.data.replaceAll(%q, %q); n++ }
		return n;
	})()`, from, from, to)))
}

// shot returns the page as a picture.
func (b *tab) shot() []byte {
	b.t.Helper()
	return get(b, chromedp.FullScreenshot(100))
}
