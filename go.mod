module github.com/rollcall-scim/rollcall

go 1.26
