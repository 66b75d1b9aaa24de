// Package web is the common part of the service's HTTP APIs: it finds the route of a
// request, recovers from panics, reads bodies, sends answers, and logs one event for each
// request. Each API keeps its own routes, its own documents of errors, and its own fields of
// the event:
//
//	func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
//		q := s.newRequest(r)         // with an event that begins with NewEvent
//		answer, err := s.answer(q)   // defers Recovered, asks the Router, calls the handler
//		if err != nil {
//			answer = q.refuse(err) // the error as the API's clients read it
//		}
//		answer.Send(w, r, q.id)
//		q.event.Finish(answer.Status, s.now())
//		q.event.Log(r.Context(), s.log, false, q.event)
//	}
//
// It knows no tenant, user or table: everything that is deployed may import it.
package web
