package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

const formExtra = 64 << 10 // of a form, around the file

// One receipt on its way through the stages.
type job struct {
	row      row
	declared string
	file     *os.File // its bytes, still without a name in files
	kept     bool     // it has its name
	done     chan answer
}

type answer struct {
	status int
	why    string
	again  bool
}

var (
	studentForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
	buffers     = sync.Pool{New: func() interface{} { b := make([]byte, 32<<10); return &b }}
	ids         = base32.StdEncoding.WithPadding(base32.NoPadding)
)

func isName(name string) bool {
	return len(name) > 0 && len(name) <= 100 && utf8.ValidString(name) &&
		strings.IndexFunc(name, unicode.IsControl) < 0
}

func refuse(status int, why string) *answer { return &answer{status: status, why: why} }

// The bare type that a Content-Type declares: "" any, "?" one that is not taken.
func declared(header string) string {
	bare, _, err := mime.ParseMediaType(header)
	if header == "" {
		return ""
	}
	if err != nil {
		return "?"
	}
	switch bare {
	case "application/octet-stream":
		return ""
	case "image/jpg", "image/pjpeg":
		return "image/jpeg"
	case "application/x-pdf":
		return "application/pdf"
	case "application/pdf", "image/png", "image/jpeg":
		return bare
	}
	return "?"
}

func (s *service) upload(w http.ResponseWriter, r *http.Request) {
	select {
	case s.queue <- struct{}{}:
	default:
		reply(w, *refuse(http.StatusServiceUnavailable, "The service is full at this moment; try again."))
		return
	}
	j, wrong := s.attach(w, r)
	<-s.queue
	if wrong != nil {
		reply(w, *wrong)
		return
	}
	s.validate <- j
	a := <-j.done
	if a.why != "" {
		reply(w, a)
		return
	}
	accepted(w, a.status, &j.row)
}

// Read the body into a file of its own, and sum it.  A slot bounds how many do that at once.
func (s *service) attach(w http.ResponseWriter, r *http.Request) (*job, *answer) {
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	room := s.limit
	isForm := strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/form-data")
	if isForm {
		room += formExtra
	}
	if r.ContentLength > room {
		return nil, refuse(http.StatusRequestEntityTooLarge, "The file is larger than this service takes.")
	}
	file, err := os.CreateTemp(s.dir+"/tmp", "")
	if err != nil {
		return nil, failure(err)
	}
	j := &job{file: file, done: make(chan answer, 1)}
	var wrong *answer
	if isForm {
		wrong = s.form(j, r)
	} else {
		wrong = s.raw(j, r)
	}
	if wrong != nil {
		j.drop()
		return nil, wrong
	}
	var id [10]byte
	rand.Read(id[:])
	j.row.id = strings.ToLower(ids.EncodeToString(id[:]))
	j.row.attached = time.Now().UnixMilli()
	return j, nil
}

// A receipt that did not become one leaves nothing behind.
func (j *job) drop() {
	j.file.Close()
	if !j.kept {
		os.Remove(j.file.Name())
	}
}

func (s *service) raw(j *job, r *http.Request) *answer {
	query := r.URL.Query()
	j.row.student, j.row.name = query.Get("student"), query.Get("name")
	if wrong := j.fields(); wrong != nil {
		return wrong
	}
	if j.declared = declared(r.Header.Get("Content-Type")); j.declared == "?" {
		return refuse(http.StatusUnsupportedMediaType, "This Content-Type is not taken.")
	}
	return s.save(j, r.Body)
}

func (s *service) form(j *job, r *http.Request) *answer {
	parts, err := r.MultipartReader()
	if err != nil {
		return refuse(http.StatusBadRequest, "The form is not well-formed.")
	}
	files := 0
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return refuse(http.StatusBadRequest, "The form is not well-formed.")
		}
		if wrong := s.part(j, part, &files); wrong != nil {
			return wrong
		}
	}
	if files != 1 {
		return refuse(http.StatusBadRequest, "The form needs exactly one file.")
	}
	return j.fields()
}

func (s *service) part(j *job, part *multipart.Part, files *int) *answer {
	defer part.Close()
	if part.FileName() != "" {
		if *files++; *files > 1 {
			return refuse(http.StatusBadRequest, "The form needs exactly one file.")
		}
		if j.declared = declared(part.Header.Get("Content-Type")); j.declared == "?" {
			return refuse(http.StatusUnsupportedMediaType, "This Content-Type is not taken.")
		}
		return s.save(j, part)
	}
	text, err := io.ReadAll(io.LimitReader(part, 128))
	if err != nil {
		return refuse(http.StatusBadRequest, "The form is not well-formed.")
	}
	switch part.FormName() {
	case "student":
		j.row.student = string(text)
	case "name":
		j.row.name = string(text)
	}
	return nil
}

func (j *job) fields() *answer {
	if !studentForm.MatchString(j.row.student) {
		return refuse(http.StatusBadRequest, "The field student is missing or wrong.")
	}
	if !isName(j.row.name) {
		return refuse(http.StatusBadRequest, "The field name is missing or wrong.")
	}
	return nil
}

// The file's bytes, written and summed as they come.
func (s *service) save(j *job, from io.Reader) *answer {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	sum := sha256.New()
	// struct{ io.Reader }: else CopyBuffer asks the reader, and the buffer is not used
	n, err := io.CopyBuffer(io.MultiWriter(j.file, sum), struct{ io.Reader }{io.LimitReader(from, s.limit+1)}, *buf)
	if n > s.limit {
		return refuse(http.StatusRequestEntityTooLarge, "The file is larger than this service takes.")
	}
	if err != nil {
		return failure(err)
	}
	if n == 0 {
		return refuse(http.StatusBadRequest, "The file has no bytes.")
	}
	j.row.size = n
	j.row.sha256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func failure(err error) *answer {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "The request came too slowly.")
	case errors.Is(err, syscall.ENOSPC):
		return refuse(http.StatusInsufficientStorage, "The disk of the service is full; nothing was stored.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "The connection ended before the request was whole.")
	}
	log.Print(err)
	return refuse(http.StatusInternalServerError, "The service could not store the file; its log says why.")
}
