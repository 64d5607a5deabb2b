// comprobantes in Go: the same HTTP contract, files and durability as apps/comprobantes, as a
// goroutine per connection (net/http), for the bench.
//
// serve --data DIR --listen HOST:PORT --limit BYTES
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

const (
	slots    = 32   // uploads that are being read at once
	patience = 4096 // uploads that wait for a slot
	depth    = 256  // receipts that wait for a stage
	batch    = 128  // receipts that share their syncs
)

// The running service: what its goroutines share.
type service struct {
	dir                     string
	limit                   int64
	slots                   chan struct{}
	queue                   chan struct{}
	validate, store         chan *job
	notify                  chan *row
	owed                    chan struct{} // a notice found no room: look into the table
	filesDir, noticesFolder *os.File
	rows                    *rows
	counts                  counts
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("comprobantes: ")
	if len(os.Args) < 2 || os.Args[1] != "serve" {
		log.Fatal("usage: comprobantes serve --data DIR [--listen HOST:PORT] [--limit BYTES]")
	}
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	data := flags.String("data", "", "where everything is kept")
	listen := flags.String("listen", "127.0.0.1:8080", "where to listen")
	limit := flags.Int64("limit", 2<<20, "the largest file that is taken")
	flags.Parse(os.Args[2:])
	if err := serve(*data, *listen, *limit); err != nil {
		log.Fatal(err)
	}
}

func open(dir string, limit int64) (*service, error) {
	s := &service{
		dir:      dir,
		limit:    limit,
		slots:    make(chan struct{}, slots),
		queue:    make(chan struct{}, slots+patience),
		validate: make(chan *job, depth),
		store:    make(chan *job, depth),
		notify:   make(chan *row, depth),
		owed:     make(chan struct{}, 1),
	}
	for _, folder := range []string{"", "tmp", "files", "maildir", "maildir/tmp", "maildir/new", "maildir/cur"} {
		if err := os.Mkdir(dir+"/"+folder, 0700); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	var err error
	if s.filesDir, err = os.Open(dir + "/files"); err != nil {
		return nil, err
	}
	if s.noticesFolder, err = os.Open(dir + "/maildir/new"); err != nil {
		return nil, err
	}
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	if err = top.Sync(); err != nil {
		return nil, err
	}
	s.rows, err = openRows(dir + "/comprobantes.db")
	return s, err
}

func serve(dir, address string, limit int64) error {
	s, err := open(dir, limit)
	if err != nil {
		return err
	}
	defer s.rows.close()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	end := s.start()
	server := &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	drained := make(chan error, 1)
	go func() {
		<-stop.Done()
		limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(limit)
	}()
	fmt.Printf("comprobantes: listening on %s\n", listener.Addr())
	if err = server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	err = <-drained
	end()
	return err
}

// Start the stages; the answer ends them from front to back.
func (s *service) start() (end func()) {
	validated, stored, notified := make(chan struct{}), make(chan struct{}), make(chan struct{})
	validators := runtime.GOMAXPROCS(0)
	for i := 0; i < validators; i++ {
		go func() {
			s.validating()
			validated <- struct{}{}
		}()
	}
	go func() {
		s.storing()
		close(stored)
	}()
	go func() {
		s.notifying()
		close(notified)
	}()
	return func() {
		close(s.validate)
		for i := 0; i < validators; i++ {
			<-validated
		}
		close(s.store)
		<-stored
		close(s.notify)
		<-notified
	}
}
