package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
)

type counts struct{ accepted, notified atomic.Int64 }

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/comprobantes", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			reply(w, *refuse(http.StatusMethodNotAllowed, "This path does not know this method; see Allow."))
			return
		}
		s.upload(w, r)
	})
	mux.HandleFunc("/comprobantes/", s.receipt)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "comprobantes_accepted_total %d\ncomprobantes_notified_total %d\n",
			s.counts.accepted.Load(), s.counts.notified.Load())
	})
	return mux
}

func send(w http.ResponseWriter, status int, body interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func reply(w http.ResponseWriter, a answer) {
	if a.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	send(w, a.status, struct {
		Error string `json:"error"`
	}{a.why})
}

func accepted(w http.ResponseWriter, status int, r *row) {
	w.Header().Set("Location", "/comprobantes/"+r.id)
	send(w, status, struct {
		ID      string `json:"id"`
		Student string `json:"student"`
		SHA256  string `json:"sha256"`
		Type    string `json:"type"`
		Size    int64  `json:"size"`
		State   string `json:"state"`
	}{r.id, r.student, r.sha256, r.kind, r.size, "accepted"})
}

type stages struct {
	Attached  int64  `json:"attached"`
	Validated int64  `json:"validated"`
	Stored    int64  `json:"stored"`
	Notified  *int64 `json:"notified"`
}

func (s *service) receipt(w http.ResponseWriter, q *http.Request) {
	var r row
	err := scan(s.rows.look.QueryRow(strings.TrimPrefix(q.URL.Path, "/comprobantes/")), &r)
	if errors.Is(err, sql.ErrNoRows) {
		reply(w, *refuse(http.StatusNotFound, "There is no receipt with this id."))
		return
	}
	if err != nil {
		reply(w, *failure(err))
		return
	}
	at := stages{r.attached, r.validated, r.stored, nil}
	state := "accepted"
	if r.notified > 0 {
		at.Notified, state = &r.notified, "notified"
	}
	send(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Student string `json:"student"`
		Name    string `json:"name"`
		Type    string `json:"type"`
		Size    int64  `json:"size"`
		SHA256  string `json:"sha256"`
		State   string `json:"state"`
		Stages  stages `json:"stages"`
	}{r.id, r.student, r.name, r.kind, r.size, r.sha256, state, at})
}
