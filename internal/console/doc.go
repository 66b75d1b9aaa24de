// Package console is the administrator's web page: which users fail, why, what to
// do, and whether it is resolved. Pages are made on the server, without a script, from
// the answers of the admin API, which package adminclient reads.
//
// The pages are for the person who started the program, on the machine where it runs.
// A page needs a session; a link that works once begins one. Names and texts of
// identity providers and applications are shown as text, with every character visible.
//
// The package reads no table and keeps only its sessions, in memory.
package console
