package console

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/text"
)

// A Brand is what the portal looks like: the product that its visitors know.
type Brand struct {
	// Name is the product's.
	Name string
	// Logo is the address of an image, "" for none.
	Logo string
	// Color is that of links and buttons, #rrggbb, "" for the pages' own.
	Color string
	// Support is where visitors get help from the product's makers: an https or mailto URL, ""
	// for nowhere.
	Support string
}

// maxBrandName is the longest name of a product, in bytes.
const maxBrandName = 60

// Check returns an error that says what of a brand cannot be shown.
func (b Brand) Check() error {
	if b.Name == "" || len(b.Name) > maxBrandName || !utf8.ValidString(b.Name) || strings.ContainsFunc(b.Name, text.Hidden) {
		return fmt.Errorf("the portal's name (ROLLCALL_PORTAL_NAME) must be one line of 1 to %d bytes", maxBrandName)
	}
	if b.Logo != "" && !isAddress(b.Logo, "https") {
		return errors.New("the portal's logo (ROLLCALL_PORTAL_LOGO) is not an https URL")
	}
	if b.Support != "" && !isAddress(b.Support, "https") && !isAddress(b.Support, "mailto") {
		return errors.New("the portal's support (ROLLCALL_PORTAL_SUPPORT) is neither an https nor a mailto URL")
	}
	if _, ok := luminance(b.Color); b.Color != "" && !ok {
		return errors.New("the portal's color (ROLLCALL_PORTAL_COLOR) is not of the form #1a2b3c")
	}
	return nil
}

// isAddress reports whether a text is a URL of a scheme that a page may link to. What separates
// sources in a Content-Security-Policy is refused.
func isAddress(text, scheme string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != scheme || u.User != nil || strings.ContainsAny(text, " ;,'\"\\<>") {
		return false
	}
	if scheme == "mailto" {
		return strings.Contains(u.Opaque, "@")
	}
	return u.Hostname() != ""
}

// imageOrigin returns the origin from which pages load the logo.
func (b Brand) imageOrigin() string {
	u, err := url.Parse(b.Logo)
	if err != nil || b.Logo == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// style returns the stylesheet with the brand's color. A color that cannot be read on the pages'
// ground is made darker, or lighter on a dark ground, until it has the contrast that text needs.
// WCAG 2.2 §1.4.3
func (b Brand) style() []byte {
	// The grounds are those of links in style.css that come closest to the color.
	onLight, onDark := readable(b.Color, "#f6f7f9"), readable(b.Color, "#191f29")
	return fmt.Appendf(nil, ":root{--link:%s;--action:%s;--on-action:#ffffff}\n@media (prefers-color-scheme:dark){:root{--link:%s;--action:%s;--on-action:#0f1522}}\n",
		onLight, onLight, onDark, onDark)
}

// minContrast is the least contrast of text. WCAG 2.2 §1.4.3
const minContrast = 4.5

// readable returns the nearest color to a given one that has enough contrast to a ground.
func readable(color, ground string) string {
	behind, _ := luminance(ground)
	toward := 0.0
	if behind < 0.5 {
		toward = 255
	}
	rgb := components(color)
	for range 100 {
		own, _ := luminance(hexOf(rgb))
		if (math.Max(own, behind)+0.05)/(math.Min(own, behind)+0.05) >= minContrast {
			break
		}
		for i := range rgb {
			rgb[i] += (toward - rgb[i]) * 0.05
		}
	}
	return hexOf(rgb)
}

// luminance returns the relative luminance of a color of the form #1a2b3c, false for any other
// text. WCAG 2.2
func luminance(color string) (l float64, ok bool) {
	if len(color) != 7 || color[0] != '#' {
		return 0, false
	}
	if _, err := strconv.ParseUint(color[1:], 16, 32); err != nil {
		return 0, false
	}
	rgb := components(color)
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		c := rgb[i] / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l, true
}

// components returns the red, green and blue of a color, from 0 to 255.
func components(color string) (rgb [3]float64) {
	n, _ := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32) // it was checked
	for i := range rgb {
		rgb[i] = float64(n >> (16 - 8*i) & 255)
	}
	return rgb
}

func hexOf(rgb [3]float64) string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(rgb[0])), int(math.Round(rgb[1])), int(math.Round(rgb[2])))
}
