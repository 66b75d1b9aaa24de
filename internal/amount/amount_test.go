package amount_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/amount"
)

func TestNumber_GroupsThreeDigits(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -999: "-999", -1000: "-1,000"} {
		assert.Equalf(t, want, amount.Number(n), "Number(%d)", n)
	}
}

func TestCount_UsesThePlural(t *testing.T) {
	for n, want := range map[int64]string{0: "0 seats", 1: "1 seat", 2: "2 seats", 45000: "45,000 seats"} {
		assert.Equalf(t, want, amount.Count(n, "seat"), "Count(%d)", n)
	}
}

func TestLength_UsesTheLargestWholeUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 59 * time.Second: "59 seconds", 90 * time.Second: "1 minute",
		time.Hour - 1: "59 minutes", time.Hour: "1 hour", 48*time.Hour - 1: "47 hours", 48 * time.Hour: "2 days",
	} {
		assert.Equalf(t, want, amount.Length(d), "Length(%v)", d)
	}
}
