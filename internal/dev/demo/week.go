package demo

import (
	"fmt"
	"net/http"
)

// The users of each identity provider.
var (
	oktaUsers = []string{
		"ada.okafor", "amir.hadad", "beatriz.lopes", "bo.nilsen", "camille.roux", "carlos.mendez", "clara.vogel", "daan.visser",
		"deepa.iyer", "diego.santos", "elena.petrova", "emeka.obi", "eva.novak", "farah.aziz", "felix.bauer", "fiona.walsh",
		"george.hall", "grace.kim", "hana.sato", "hugo.martin", "ines.costa", "ivan.horvat", "jack.turner", "julia.weiss",
		"kenji.mori", "lea.dubois", "liam.byrne", "lucia.romano", "maja.kowalska", "marco.ricci", "mei.chen", "mila.jovanovic",
		"nadia.haddad", "noah.clark", "olga.ivanova", "omar.farouk", "paula.gomez", "quinn.taylor", "rosa.silva",
	}
	entraUsers = []string{"samir.patel", "sofia.lund", "tariq.khan", "uma.rao", "viktor.toth"}
	readers    = []string{"wendy.moss", "xavier.leroy"}
)

// days has the failures of each day: invalid changes, and duplicate users.
var days = []struct{ invalid, duplicate int }{{2, 1}, {0, 2}, {5, 0}, {3, 4}, {1, 1}, {0, 0}}

// setUp does the first steps of the SaaS team.
func (w *week) setUp() {
	w.admin(http.StatusOK, http.MethodPatch, "", fmt.Sprintf(`{"displayName":"Acme Corp","maxSeats":%d,"maxReaders":10}`, Seats))
	w.okta.token, w.story.Okta = w.token("Okta production")
	w.entra.token, w.story.Entra = w.token("Entra production")
	owner := w.admin(http.StatusCreated, http.MethodPost, "/users", fmt.Sprintf(`{"userName":%q,"email":%[1]q,"displayName":"Zoe Abbot"}`, address("zoe.abbot")))
	w.ids["zoe.abbot"], _ = owner["id"].(string)
}

// firstSync sends the first synchronization of both identity providers.
func (w *week) firstSync() {
	for i, name := range oktaUsers {
		w.user(w.okta, http.StatusCreated, name, fmt.Sprintf(`,"externalId":"00u%04d"`, i+1))
	}
	w.group(w.okta, "Engineering", oktaUsers[:20]...)
	w.group(w.okta, "Interns", oktaUsers[30:34]...)
	w.until(at(0, 1, 0))
	for i, name := range entraUsers {
		w.user(w.entra, http.StatusCreated, name, fmt.Sprintf(`,"externalId":"8a1f0000-0000-4000-8000-%012d"`, i+1))
	}
	for _, name := range readers {
		w.user(w.entra, http.StatusCreated, name, `,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{"isTeamAccount":false}`)
	}
	w.group(w.entra, "Partners", entraUsers...)
}

// day sends what fails and is fixed on a day, and what else happens.
func (w *week) day(day int) {
	failures := days[day]
	w.until(at(day, 2, 0))
	for _, name := range oktaUsers[20 : 20+failures.invalid] {
		w.patch(w.okta, http.StatusBadRequest, "Users", name, "emails", `"none"`)
	}
	for _, name := range oktaUsers[day : day+failures.duplicate] {
		w.user(w.okta, http.StatusConflict, name, "")
	}
	switch day {
	case 2: // accepted with changes
		w.patch(w.entra, http.StatusOK, "Users", "sofia.lund", "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:badge", `"B-7"`)
	case 3: // a member who was never provisioned is skipped
		w.group(w.entra, "Advisers", "samir.patel", "yara.salem")
	case 4: // the owner is protected by the application
		w.admin(http.StatusOK, http.MethodPatch, "/users/"+w.ids["uma.rao"], `{"protected":true}`)
		w.patch(w.entra, http.StatusForbidden, "Users", "uma.rao", "active", `false`)
	case 5:
		w.admin(http.StatusNoContent, http.MethodDelete, "/groups/"+w.ids["Interns"], "")
	}
	w.until(at(day, 7, 0))
	for _, name := range append(append([]string{}, oktaUsers[20:20+failures.invalid]...), oktaUsers[day:day+failures.duplicate]...) {
		w.patch(w.okta, http.StatusOK, "Users", name, "title", fmt.Sprintf(`"Member of team %d"`, day+1))
	}
	if day == 5 {
		w.patch(w.entra, http.StatusOK, "Users", "uma.rao", "title", `"Owner"`)
	}
}

// today sends what fails now.
func (w *week) today() {
	today := len(days)
	w.until(at(today, 5, 0))
	w.patch(w.okta, http.StatusNotFound, "Groups", "Interns", "displayName", `"Interns 2026"`)
	w.until(at(today, 7, 30))
	w.patch(w.entra, http.StatusBadRequest, "Users", "tariq.khan", "emails", `"none"`)
	w.user(w.entra, http.StatusForbidden, "dmitri.volkov", "")
	w.user(w.entra, http.StatusConflict, "grace.kim", "")
	w.until(at(today, 8, 15))
	w.user(w.okta, http.StatusBadRequest, "chiara.russo", `,"emails":"none"`)
	w.user(w.okta, http.StatusForbidden, "ben.ortiz", "")
	w.group(w.okta, "Sales", "ada.okafor", "ben.ortiz")
	w.until(at(today, 8, 57))
	const last = "anna.lindqvist"
	w.story.Subject = address(last)
	w.story.Detail, w.story.Request = w.user(w.okta, http.StatusForbidden, last, `,"externalId":"00u8anna"`)
}
