package main

import (
	"log"
	"net/http"
	"os"
	"sync"
	"time"
)

// Wait for one receipt, then take all that are there.
func take(from chan *job) []*job {
	j, ok := <-from
	if !ok {
		return nil
	}
	jobs := []*job{j}
	for len(jobs) < batch {
		select {
		case j, ok := <-from:
			if !ok {
				return jobs
			}
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// Group commit: files side by side, their folder once, rows in one transaction; then the answers.
func (s *service) storing() {
	for {
		jobs := take(s.store)
		if jobs == nil {
			return
		}
		if jobs = s.keepAll(jobs); len(jobs) == 0 {
			continue
		}
		answers, err := s.rows.insert(jobs)
		if err != nil {
			log.Print(err)
			for _, j := range jobs {
				j.answer(*failure(err))
			}
			continue
		}
		for i, j := range jobs {
			if answers[i].status == http.StatusCreated {
				s.counts.accepted.Add(1)
				row := j.row
				select {
				case s.notify <- &row:
				default:
					s.owe()
				}
			}
			j.answer(answers[i])
		}
	}
}

// Some notice is only in the table.
func (s *service) owe() {
	select {
	case s.owed <- struct{}{}:
	default:
	}
}

// Bytes and names on disk; answers those that are.
func (s *service) keepAll(jobs []*job) []*job {
	errs := make([]error, len(jobs))
	var all sync.WaitGroup
	for i, j := range jobs {
		all.Add(1)
		go func(i int, j *job) {
			defer all.Done()
			errs[i] = s.keep(j)
		}(i, j)
	}
	all.Wait()
	folder := s.filesDir.Sync()
	kept := jobs[:0]
	for i, j := range jobs {
		if errs[i] == nil {
			errs[i] = folder
		}
		if errs[i] != nil {
			j.answer(*failure(errs[i]))
			continue
		}
		kept = append(kept, j)
	}
	return kept
}

// A file that is there already has the same bytes: the new one takes its name.
func (s *service) keep(j *job) error {
	if err := j.file.Sync(); err != nil {
		return err
	}
	err := os.Rename(j.file.Name(), s.dir+"/files/"+j.row.sha256)
	j.kept = err == nil
	return err
}

// The notices that are owed, delivered at least once; the table is the outbox.
func (s *service) notifying() {
	s.sweep()
	for {
		select {
		case first, ok := <-s.notify:
			if !ok {
				s.sweep()
				return
			}
			owed := []*row{first}
			for more := true; more && len(owed) < batch; {
				select {
				case r, ok := <-s.notify:
					if more = ok; ok {
						owed = append(owed, r)
					}
				default:
					more = false
				}
			}
			s.deliver(owed)
		case <-s.owed:
			s.sweep()
		}
	}
}

func (s *service) sweep() {
	for {
		owed, err := s.rows.owed(batch)
		if err != nil {
			log.Print(err)
		}
		if err != nil || len(owed) == 0 || s.deliver(owed) != nil {
			return
		}
	}
}

func (s *service) deliver(owed []*row) error {
	errs := make([]error, len(owed))
	var all sync.WaitGroup
	for i, r := range owed {
		all.Add(1)
		go func(i int, r *row) {
			defer all.Done()
			errs[i] = s.notice(r)
		}(i, r)
	}
	all.Wait()
	err := s.noticesFolder.Sync()
	for _, e := range errs {
		if e != nil {
			err = e
		}
	}
	if err == nil {
		err = s.rows.notified(owed, time.Now().UnixMilli())
	}
	if err != nil {
		log.Print(err)
		time.AfterFunc(time.Second, s.owe)
		return err
	}
	s.counts.notified.Add(int64(len(owed)))
	return nil
}

func (s *service) notice(r *row) error {
	path := s.dir + "/maildir/tmp/" + r.id
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.Write(r.mail()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		os.Remove(path)
		return err
	}
	return os.Rename(path, s.dir+"/maildir/new/"+r.id+".comprobante")
}
