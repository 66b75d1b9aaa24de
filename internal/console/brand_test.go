package console

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whatever color a deployment chooses can be read on both grounds.
func TestBrand_ColorsCanBeRead(t *testing.T) {
	for n := 0; n < 1<<24; n += 0x10307 {
		color := fmt.Sprintf("#%06x", n)
		for _, ground := range []string{"#f6f7f9", "#191f29"} {
			got, ok := luminance(readable(color, ground))
			behind, _ := luminance(ground)
			contrast := (math.Max(got, behind) + 0.05) / (math.Min(got, behind) + 0.05)
			assert.True(t, ok && contrast >= minContrast-0.05, "%s on %s: %.2f", color, ground, contrast)
		}
	}
	assert.Equal(t, "#1d50ba", readable("#1d50ba", "#ffffff"), "a color that can be read is changed")
	for _, wrong := range []string{"", "1d50ba", "#1d50b", "#1d50bg", "#1d50ba0", "red"} {
		_, ok := luminance(wrong)
		assert.False(t, ok, wrong)
	}
}

// Nothing of a brand gets out of its place in a page, in a policy or in a stylesheet.
func TestBrand_IsChecked(t *testing.T) {
	assert.NoError(t, Brand{Name: "Example & Co", Logo: "https://cdn.example.com/logo.png?v=1", Support: "mailto:help@example.com", Color: "#ABCDEF"}.Check())
	for _, wrong := range []Brand{
		{},
		{Name: "a\nb"},
		{Name: "a\u202eb"},
		{Name: "x", Logo: "http://a.example/x"},
		{Name: "x", Logo: "https://a.example; script-src *"},
		{Name: "x", Logo: "https://a.example, *"},
		{Name: "x", Logo: "data:image/png;base64,AA"},
		{Name: "x", Logo: "https://user@a.example/"},
		{Name: "x", Support: "javascript:alert(1)"},
		{Name: "x", Support: "mailto:"},
		{Name: "x", Color: "#fff"},
		{Name: "x", Color: "#fff}a{b"},
	} {
		assert.Error(t, wrong.Check(), "%+v", wrong)
	}
	assert.Equal(t, "https://cdn.example.com", Brand{Logo: "https://cdn.example.com/logo.png"}.imageOrigin())
}
