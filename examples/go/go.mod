module github.com/rollcall-scim/rollcall/examples/go

go 1.26.8

replace github.com/rollcall-scim/rollcall => ../..

require (
	github.com/ncruces/go-sqlite3 v0.37.0
	github.com/rollcall-scim/rollcall v0.0.0-00010101000000-000000000000
)

require (
	github.com/ncruces/go-sqlite3-wasm/v6 v6.5.35401 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
