package setting

import (
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// Target returns the attribute that a name in a mapping most likely means, as a path
// of a PATCH has it: a whole multi-valued attribute means its usual value, a name of
// another product means ours, and a name with a typing error means the nearest one. A
// name that means none of ours stays as it is.
func Target(name string) string {
	if meant := meaning(name); meant != "" {
		return meant
	}
	return name
}

// Meant reports whether a name that no schema has most likely means one of ours.
func Meant(name string) bool { return meaning(name) != "" }

func meaning(name string) string {
	urn, local := "", name
	if at := strings.LastIndexByte(beforeFilter(name), ':'); at >= 0 {
		urn, local = name[:at], name[at+1:]
	}
	if urn != "" && !standardURN(urn) {
		return ""
	}
	// A dot in place of the colon: urn:…:2.0:User.department.
	if _, after, ok := strings.Cut(local, "User."); ok && urn != "" {
		local = after
	}
	if path, ok := typed(local); ok {
		return path
	}
	attribute, sub, dotted := strings.Cut(local, ".")
	bare, _, filtered := strings.Cut(local, "[")
	if !filtered {
		bare = attribute
	}
	if value, ok := usualValue[canonical(bare)]; ok && (filtered || bare == local || sub == "value") {
		return ofType(value, local)
	}
	dotted = dotted && !filtered
	if meant := otherNames()[scim.LowerName(sub)]; dotted && usualValue[canonical(attribute)] != "" {
		if strings.HasPrefix(meant, canonical(attribute)+"[") {
			return meant
		}
		return usualValue[canonical(attribute)]
	}
	if full := fullName(local); full != "" {
		return full
	}
	if dotted && scim.EqualName(attribute, "manager") {
		return enterprise + "manager.value"
	}
	if meant, ok := otherNames()[plain(local)]; ok {
		return meant
	}
	if meant := byPart(sub); dotted && meant != "" {
		return meant
	}
	if near := nearest(bare); (dotted || filtered) && strings.Contains(near, "[") {
		return ofType(near, local)
	}
	return nearest(local)
}

// fullName returns the full name of the built-in attribute with a name, "" if there is none.
func fullName(name string) string {
	for _, full := range known() {
		if _, short := cutURN(full); scim.EqualName(name, short) || scim.EqualName(name, full) {
			return full
		}
	}
	return ""
}

// byPart returns the attribute that the name of a sub-attribute alone means, "" if there is
// none.
func byPart(name string) string {
	if meant := otherNames()[scim.LowerName(name)]; meant != "" {
		return meant
	}
	if a := userType().Schema.Attribute(name); a != nil && !a.MultiValued {
		return a.Name
	}
	return ""
}

// ofType returns the usual value with the type that a filter in a name has.
func ofType(usual, name string) string {
	_, condition, filtered := strings.Cut(scim.LowerName(name), "[")
	if !filtered {
		return usual
	}
	attribute, rest, _ := strings.Cut(usual, "[")
	_, sub, _ := strings.Cut(rest, "]")
	for _, t := range types()[attribute] {
		if strings.Contains(condition, t) {
			return attribute + `[type eq "` + t + `"]` + sub
		}
	}
	return usual
}

// userType has the built-in attributes of users.
var userType = sync.OnceValue(func() *schema.ResourceType { return schema.UserType() })

// types are the canonical types of the values of attributes.
var types = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, a := range userType().Schema.Attributes {
		if t := a.Sub("type"); t != nil && a.MultiValued {
			all[a.Name] = t.CanonicalValues
		}
	}
	return all
})

// typed returns the path that a type in place of a sub-attribute means: emails.work.
func typed(name string) (string, bool) {
	attribute, kind, ok := strings.Cut(name, ".")
	if !ok {
		return "", false
	}
	attribute = canonical(attribute)
	usual, ok := usualValue[attribute]
	if !ok || !slices.Contains(types()[attribute], scim.LowerName(kind)) {
		return "", false
	}
	return ofType(usual, attribute+"["+kind), true
}

// beforeFilter returns a path without its filter and what follows that.
func beforeFilter(name string) string {
	before, _, _ := strings.Cut(name, "[")
	return before
}

// canonical returns the spelling of a core attribute's name.
func canonical(name string) string {
	if a := userType().Schema.Attribute(name); a != nil {
		return a.Name
	}
	return name
}

// standardURN reports whether a URN is one of ours, or a standard one, also of another
// version.
func standardURN(urn string) bool {
	lower := scim.LowerName(urn)
	for known := range scim.StandardURNs() {
		if scim.EqualName(urn, known) || strings.HasPrefix(lower, scim.LowerName(known)+".") {
			return true
		}
	}
	return strings.Contains(lower, "schemas:core:") || strings.Contains(lower, "extension:enterprise:") || scim.EqualName(urn, scim.RollcallURN)
}

// usualValue are the paths of the usual value of multi-valued attributes.
var usualValue = map[string]string{
	"emails":           `emails[type eq "work"].value`,
	"phoneNumbers":     `phoneNumbers[type eq "work"].value`,
	"addresses":        `addresses[type eq "work"].streetAddress`,
	"ims":              `ims[type eq "xmpp"].value`,
	"photos":           `photos[type eq "photo"].value`,
	"roles":            `roles[primary eq "True"].value`,
	"entitlements":     `entitlements[primary eq "True"].value`,
	"x509Certificates": `x509Certificates[primary eq "True"].value`,
}

const enterprise = scim.EnterpriseURN + ":"

// otherNames are names of other products, in lower case without separators, and the
// attributes that they mean.
var otherNames = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"mobile": `phoneNumbers[type eq "mobile"].value`, "mobilephone": `phoneNumbers[type eq "mobile"].value`, "cell": `phoneNumbers[type eq "mobile"].value`,
		"cellphone": `phoneNumbers[type eq "mobile"].value`, "mobilenumber": `phoneNumbers[type eq "mobile"].value`,
		"phone": `phoneNumbers[type eq "work"].value`, "phonenumber": `phoneNumbers[type eq "work"].value`, "primaryphone": `phoneNumbers[type eq "work"].value`,
		"telephone": `phoneNumbers[type eq "work"].value`, "telephonenumber": `phoneNumbers[type eq "work"].value`, "workphone": `phoneNumbers[type eq "work"].value`,
		"businessphones": `phoneNumbers[type eq "work"].value`, "officephone": `phoneNumbers[type eq "work"].value`,
		"fax": `phoneNumbers[type eq "fax"].value`, "faxnumber": `phoneNumbers[type eq "fax"].value`, "facsimiletelephonenumber": `phoneNumbers[type eq "fax"].value`,
		"mail": `emails[type eq "work"].value`, "email": `emails[type eq "work"].value`, "emailaddress": `emails[type eq "work"].value`, "workemail": `emails[type eq "work"].value`,
		"primaryemail": `emails[type eq "work"].value`, "secondemail": `emails[type eq "other"].value`, "secondaryemail": `emails[type eq "other"].value`,
		"address": `addresses[type eq "work"].streetAddress`, "street": `addresses[type eq "work"].streetAddress`, "streetaddress": `addresses[type eq "work"].streetAddress`,
		"city": `addresses[type eq "work"].locality`, "locality": `addresses[type eq "work"].locality`, "l": `addresses[type eq "work"].locality`,
		"state": `addresses[type eq "work"].region`, "region": `addresses[type eq "work"].region`, "zip": `addresses[type eq "work"].postalCode`,
		"zipcode": `addresses[type eq "work"].postalCode`, "postalcode": `addresses[type eq "work"].postalCode`,
		"country": `addresses[type eq "work"].country`, "countrycode": `addresses[type eq "work"].country`, "postaladdress": `addresses[type eq "work"].formatted`,
		"firstname": "name.givenName", "givenname": "name.givenName", "lastname": "name.familyName", "surname": "name.familyName", "sn": "name.familyName",
		"familyname": "name.familyName", "middlename": "name.middleName", "fullname": "name.formatted", "formattedname": "name.formatted",
		"honorificprefix": "name.honorificPrefix", "honorificsuffix": "name.honorificSuffix",
		"jobtitle": "title", "position": "title", "company": enterprise + "organization", "companyname": enterprise + "organization",
		"emailaddresses": `emails[type eq "work"].value`, "personalemail": `emails[type eq "home"].value`, "homeemail": `emails[type eq "home"].value`,
		"phones": `phoneNumbers[type eq "work"].value`, "homephone": `phoneNumbers[type eq "home"].value`,
		"organisation": enterprise + "organization", "orgname": enterprise + "organization", "departmentname": enterprise + "department", "departmentnumber": enterprise + "department",
		"managername": enterprise + "manager", "manageremail": enterprise + "manager", "employeetype": "userType",
		"employeeid": enterprise + "employeeNumber", "dept": enterprise + "department", "costcentre": enterprise + "costCenter",
		"managerid": enterprise + "manager", "managerupn": enterprise + "manager", "supervisor": enterprise + "manager",
		"login": "userName", "username": "userName", "upn": "userName", "userprincipalname": "userName", "mailnickname": "userName", "samaccountname": "userName",
		"objectid": "externalId", "oid": "externalId", "immutableid": "externalId",
		"accountenabled": "active", "enabled": "active", "isactive": "active", "status": "active", "issoftdeleted": "active", "isenabled": "active",
		"photo": `photos[type eq "photo"].value`, "thumbnailphoto": `photos[type eq "thumbnail"].value`, "avatar": `photos[type eq "photo"].value`, "picture": `photos[type eq "photo"].value`,
		"role": `roles[primary eq "True"].value`, "approle": `roles[primary eq "True"].value`, "language": "preferredLanguage", "zoneinfo": "timezone",
		"teamaccount": scim.RollcallURN + ":isTeamAccount", "isteamaccount": scim.RollcallURN + ":isTeamAccount",
	}
})

// known returns the full names of the built-in attributes.
var known = sync.OnceValue(func() []string {
	rt := userType()
	names := []string{"externalId", scim.RollcallURN + ":isTeamAccount"}
	add := func(prefix string, attributes []*schema.Attribute) {
		for _, a := range attributes {
			names = append(names, prefix+a.Name)
			for _, sub := range a.SubAttributes {
				if !a.MultiValued {
					names = append(names, prefix+a.Name+"."+sub.Name)
				}
			}
		}
	}
	add("", rt.Schema.Attributes)
	for _, e := range rt.Extensions {
		add(e.Schema.ID+":", e.Schema.Attributes)
	}
	return names
})

// nearest returns the known attribute that differs from a name by one typing error, or
// by two if the name is long; "" if there is none.
func nearest(name string) string {
	name = scim.LowerName(name)
	best, found := 1+len(name)/8, ""
	if len(name) < 4 {
		return ""
	}
	for _, full := range known() {
		_, local := cutURN(full)
		if d := distance(name, scim.LowerName(local)); d <= best && (found == "" || d < best) {
			best, found = d, full
		}
	}
	if usual, ok := usualValue[found]; ok {
		return usual
	}
	return found
}

// distance returns how many letters must be inserted, deleted, replaced or swapped
// with the next one to make one name of another.
func distance(a, b string) int {
	if len(a) > 64 || len(b)-len(a) > 2 || len(a)-len(b) > 2 {
		return 64
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
