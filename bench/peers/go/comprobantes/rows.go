package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

type row struct {
	id, student, name, sha256, kind       string
	size                                  int64
	attached, validated, stored, notified int64
}

const (
	schema = `CREATE TABLE IF NOT EXISTS receipts(id TEXT PRIMARY KEY, student TEXT NOT NULL,
	 name TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
	 size INTEGER NOT NULL, attached_ms INTEGER, validated_ms INTEGER, stored_ms INTEGER,
	 notified_ms INTEGER);
	CREATE INDEX IF NOT EXISTS owed ON receipts(stored_ms) WHERE notified_ms IS NULL;
	PRAGMA user_version = 1`
	columns = "id, student, name, sha256, type, size, attached_ms, validated_ms, stored_ms, COALESCE(notified_ms, 0)"
)

// One connection that writes, its statements prepared, and some that read.
type rows struct {
	write, read                  *sql.DB
	find, add, mark, owing, look *sql.Stmt
}

func openRows(path string) (*rows, error) {
	const options = "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate&_cache_size=-256"
	r := &rows{}
	var err error
	if r.write, err = sql.Open("sqlite3", "file:"+path+options); err != nil {
		return nil, err
	}
	r.write.SetMaxOpenConns(1)
	if _, err = r.write.Exec(schema); err != nil {
		return nil, err
	}
	if r.read, err = sql.Open("sqlite3", "file:"+path+options); err != nil {
		return nil, err
	}
	for _, p := range []struct {
		stmt **sql.Stmt
		db   *sql.DB
		sql  string
	}{
		{&r.find, r.write, "SELECT id, student FROM receipts WHERE sha256 = ?"},
		{&r.add, r.write, "INSERT INTO receipts VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"},
		{&r.mark, r.write, "UPDATE receipts SET notified_ms = ? WHERE id = ? AND notified_ms IS NULL"},
		{&r.owing, r.read, "SELECT " + columns + " FROM receipts WHERE notified_ms IS NULL ORDER BY stored_ms LIMIT ?"},
		{&r.look, r.read, "SELECT " + columns + " FROM receipts WHERE id = ?"},
	} {
		if *p.stmt, err = p.db.Prepare(p.sql); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *rows) close() {
	r.read.Close()
	r.write.Close()
}

// One transaction for all; an answer for each.
func (r *rows) insert(jobs []*job) ([]answer, error) {
	tx, err := r.write.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	find, add := tx.Stmt(r.find), tx.Stmt(r.add)
	answers := make([]answer, len(jobs))
	now := time.Now().UnixMilli()
	for i, j := range jobs {
		j.row.stored = now
		if answers[i], err = insertOne(find, add, &j.row); err != nil {
			return nil, err
		}
	}
	return answers, tx.Commit()
}

func insertOne(find, add *sql.Stmt, w *row) (answer, error) {
	var id, student string
	switch err := find.QueryRow(w.sha256).Scan(&id, &student); {
	case err == nil && student == w.student:
		w.id = id
		return answer{status: http.StatusOK, again: true}, nil
	case err == nil:
		return *refuse(http.StatusConflict, "Another student has already sent this very file."), nil
	case err != sql.ErrNoRows:
		return answer{}, err
	}
	_, err := add.Exec(w.id, w.student, w.name, w.sha256, w.kind, w.size, w.attached, w.validated, w.stored)
	return answer{status: http.StatusCreated}, err
}

func scan(from interface{ Scan(...interface{}) error }, w *row) error {
	return from.Scan(&w.id, &w.student, &w.name, &w.sha256, &w.kind, &w.size, &w.attached,
		&w.validated, &w.stored, &w.notified)
}

func (r *rows) owed(n int) ([]*row, error) {
	found, err := r.owing.Query(n)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []*row
	for found.Next() {
		w := &row{}
		if err := scan(found, w); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, found.Err()
}

func (r *rows) notified(all []*row, now int64) error {
	tx, err := r.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	mark := tx.Stmt(r.mark)
	for _, w := range all {
		if _, err := mark.Exec(now, w.id); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// The notice, as RFC 5322 mail.
func (w *row) mail() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Comprobantes <comprobantes@universidad.invalid>\r\n"+
		"To: \"%s\"@estudiantes.invalid\r\nSubject: Comprobante recibido: %s\r\n"+
		"Date: %s\r\nMessage-ID: <%s@comprobantes.invalid>\r\n"+
		"X-Comprobante: %s\r\nX-Student: %s\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+
		"Hola, %s:\r\n\r\nHemos recibido tu comprobante de pago y hemos guardado una copia.\r\n\r\n"+
		"  Número:  %s\r\n  Tipo:    %s\r\n  Tamaño:  %d bytes\r\n  SHA-256: %s\r\n\r\n"+
		"Guarda este mensaje: es la prueba de tu entrega.\r\n",
		w.student, w.id, time.UnixMilli(w.stored).UTC().Format(time.RFC1123Z), w.id, w.id, w.student,
		w.name, w.id, w.kind, w.size, w.sha256)
	return b.Bytes()
}
