package sheet_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
	"github.com/rollcall-scim/rollcall/internal/text"
)

func written[R any](t require.TestingT, s sheet.Sheet[R], rows ...R) string {
	var b bytes.Buffer
	w, err := s.To(&b)
	require.NoError(t, err)
	require.NoError(t, w.Write(rows))
	return b.String()
}

func TestSheet_IsRFC4180(t *testing.T) {
	f := adminwire.FailedUser{
		ResourceType: "User", Subject: `Ann "A", Lee`, Cause: "seat_limit", Detail: "50 of 50, all in use", Count: 3, LastFailure: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	}
	require.Equal(t, "type,subject,externalId,id,operation,cause,detail,whatToDo,identityProvider,firstFailure,lastFailure,failures,request\r\n"+
		"User,\"Ann \"\"A\"\", Lee\",,,,seat_limit,\"50 of 50, all in use\",,,,2026-01-02T02:04:05Z,3,\r\n", written(t, sheet.FailedUsers, f))
	require.Equal(t, "reason,group,groupId,user,userId,userState,others,since,identityProvider,sentWithoutAsking,cause,whatToDo\r\n", written(t, sheet.PushAgain))
}

func TestSheet_HasNoFormula(t *testing.T) {
	for cell, want := range map[string]string{
		`=HYPERLINK("http://x","y")`: `'=HYPERLINK("http://x","y")`,
		"+1":                         "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": `'\u0009=1`, "\r=1": `'\u000d=1`, " =1": "' =1", "＝1": "'＝1", "a=1": "a=1", "": "",
	} {
		read, err := csv.NewReader(strings.NewReader(written(t, sheet.Log, adminwire.Entry{Subject: cell}))).ReadAll()
		require.NoError(t, err)
		require.Equal(t, want, read[1][10])
	}
}

// Whatever the texts are, the sheet reads back as as many rows and cells, each harmless.
func TestSheet_ReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		item := adminwire.PushAgainItem{Group: rapid.String().Draw(t, "group"), User: rapid.String().Draw(t, "user"), WhatToDo: rapid.String().Draw(t, "advice")}
		read, err := csv.NewReader(strings.NewReader(written(t, sheet.PushAgain, item, item))).ReadAll()
		require.NoError(t, err)
		require.Len(t, read, 3)
		for _, cell := range read[2] {
			require.NotContains(t, "=+-@＝＋－＠", firstOf(strings.TrimLeft(cell, " ")))
			require.False(t, strings.ContainsFunc(cell, text.Hidden), "%q", cell)
		}
	})
}

func firstOf(s string) string {
	for _, r := range s {
		return string(r)
	}
	return "none"
}

// A departure has a row for each webhook, and one that says so if there is none.
func TestOffboardingRows_NameEachWebhook(t *testing.T) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	took := 1.5
	rows := sheet.OffboardingRows(adminwire.Offboarding{UserID: "u", Departures: []adminwire.Departure{
		{
			EventID: "e2", Type: "user.deleted", UserName: "ann", Committed: at, RequestID: "r2", Actor: adminwire.EventActor{Type: "idp", Name: "okta"},
			Acknowledged: true, SecondsToAcknowledge: &took, Endpoints: []adminwire.DepartureDelivery{
				{WebhookID: "w1", URL: "https://a.example.com", State: "delivered", FirstAttempt: &at, DeliveredAt: &at, Attempts: 1},
				{WebhookID: "w2", State: "delivered", DeliveredAt: &at, Attempts: 2},
			},
		},
		{EventID: "e1", Type: "user.deactivated", Committed: at, ReturnedAt: &at, Notice: "Nobody is notified."},
	}})
	require.Equal(t, "userId,userName,type,committed,request,by,actor,identityProviderRequest,returned,acknowledged,secondsToAcknowledge,webhook,url,state,firstAttempt,delivered,attempts,reason,event\r\n"+
		"u,ann,user.deleted,2027-01-02T03:04:05Z,r2,idp,okta,,,true,1.5,w1,https://a.example.com,delivered,2027-01-02T03:04:05Z,2027-01-02T03:04:05Z,1,,e2\r\n"+
		"u,ann,user.deleted,2027-01-02T03:04:05Z,r2,idp,okta,,,true,1.5,w2,,delivered,,2027-01-02T03:04:05Z,2,,e2\r\n"+
		"u,,user.deactivated,2027-01-02T03:04:05Z,,,,,2027-01-02T03:04:05Z,false,,,,,,,,Nobody is notified.,e1\r\n", written(t, sheet.Offboarding, rows...))
}
