// Command panics is a function that fails in every possible way, selected by
// the path of the request.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

func main() {
	served := 0
	lambdahttp.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		switch r.URL.Path {
		case "/panic":
			panic("a fault in the handler")
		case "/goroutine":
			go panic("a fault beside the handler")
			select {}
		case "/exit":
			os.Exit(3)
		default:
			fmt.Fprintf(w, "%d %d", served, len(body))
		}
	}))
}
