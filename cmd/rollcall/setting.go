package main

import (
	"fmt"
	"strconv"
	"strings"
)

// setting is a member of a tenant or a user that is set as NAME=VALUE.
type setting struct {
	name string
	kind settingKind
	// choices are the possible values, if there are few.
	choices []string
}

type settingKind int

const (
	textSetting settingKind = iota
	numberSetting
	boolSetting
)

// tenantSettings are the settings of a tenant.
var tenantSettings = []setting{
	{name: "displayName"},
	{name: "maxSeats", kind: numberSetting},
	{name: "maxReaders", kind: numberSetting},
	{name: "defaultAccountType", choices: []string{"user", "reader"}},
	{name: "unknownMembers", choices: []string{"skip", "refuse"}},
	{name: "unknownAttributes", choices: []string{"drop", "refuse"}},
	{name: "deletedUsers", choices: []string{"hidden", "readable"}},
	{name: "rehire", choices: []string{"warn", "keep", "refuse"}},
	{name: "staticTokens", choices: []string{"take", "refuse"}},
	{name: "dialect", choices: []string{"take", "refuse"}},
	{name: "scimEnabled", kind: boolSetting},
	{name: "logDays", kind: numberSetting},
}

// userSettings are the settings that the application can change for a user.
var userSettings = []setting{
	{name: "userName"},
	{name: "email"},
	{name: "displayName"},
	{name: "accountType", choices: []string{"user", "reader"}},
	{name: "active", kind: boolSetting},
	{name: "protected", kind: boolSetting},
}

// values returns the values that a setting can be completed with.
func (s setting) values() []string {
	if s.kind == boolSetting {
		return []string{"true", "false"}
	}
	return s.choices
}

// parse reads a value. null is the default of a tenant's setting, and no limit.
func (s setting) parse(value string, null bool) (any, error) {
	switch {
	case s.name == "displayName" || s.name == "userName" || s.name == "email":
		return value, nil
	case null && value == "null":
		return nil, nil //nolint:nilnil // null is a value
	case s.kind == numberSetting:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, mistake("%s must be a number or null.", s.name)
		}
		return n, nil
	case s.kind == boolSetting:
		if value != "true" && value != "false" {
			return nil, mistake("%s must be true or false.", s.name)
		}
		return value == "true", nil
	}
	return value, nil
}

// settings reads arguments NAME=VALUE.
func settings(all []setting, null bool, args []string) (map[string]any, error) {
	sent := map[string]any{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("%q is not NAME=VALUE", arg)}
		}
		if _, twice := sent[name]; twice {
			return nil, usageError{fmt.Errorf("%s is set twice", name)}
		}
		known := false
		for _, s := range all {
			if s.name != name {
				continue
			}
			known = true
			parsed, err := s.parse(value, null)
			if err != nil {
				return nil, err
			}
			sent[name] = parsed
		}
		if !known {
			return nil, usageError{fmt.Errorf("%s", unknown("setting", name, namesOf(all)))}
		}
	}
	return sent, nil
}

func namesOf(all []setting) []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.name
	}
	return names
}

// settingsHelp lists settings with their values, a line for each.
func settingsHelp(all []setting, null bool) string {
	var b strings.Builder
	for _, s := range all {
		form := "text"
		switch {
		case s.kind == numberSetting && null:
			form = "number, or null for no limit"
			if s.name == "logDays" {
				form = "number of days that the log is kept"
			}
		case len(s.values()) > 0:
			form = strings.Join(s.values(), ", ")
		}
		fmt.Fprintf(&b, "\n  %-18s  %s", s.name, form)
	}
	return b.String()
}
