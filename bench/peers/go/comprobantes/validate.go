package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func (s *service) validating() {
	window := bufio.NewReaderSize(nil, 64<<10)
	for j := range s.validate {
		wrong := judge(j, window)
		j.row.validated = time.Now().UnixMilli()
		if wrong != nil {
			j.answer(*wrong)
			continue
		}
		s.store <- j
	}
}

// The stage is through with it: say so to the connection, and let go of the file.
func (j *job) answer(a answer) {
	j.drop()
	j.done <- a
}

// What is it, and is it whole?
func judge(j *job, window *bufio.Reader) *answer {
	head := make([]byte, 1024+5)
	n, err := j.file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return failure(err)
	}
	head = head[:n]
	kind := sniff(head)
	if kind == "" {
		return refuse(http.StatusUnsupportedMediaType, "The file is neither PDF, PNG nor JPEG.")
	}
	if j.declared != "" && j.declared != kind {
		return refuse(http.StatusUnsupportedMediaType, "The file is not of the type that was declared.")
	}
	j.row.kind = kind
	window.Reset(io.NewSectionReader(j.file, 0, j.row.size))
	whole := false
	switch kind {
	case "application/pdf":
		whole = wholePDF(j.file, j.row.size)
	case "image/png":
		whole = wholePNG(window)
	case "image/jpeg":
		whole = wholeJPEG(window)
	}
	if !whole {
		return refuse(http.StatusUnprocessableEntity, "The file is not whole.")
	}
	return nil
}

func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(head, []byte{0xff, 0xd8, 0xff}):
		return "image/jpeg"
	case bytes.Contains(head, []byte("%PDF-")):
		return "application/pdf"
	}
	return ""
}

// "startxref", an offset inside the file, and the end mark, near the end.
func wholePDF(f *os.File, size int64) bool {
	n := size
	if n > 2048 {
		n = 2048
	}
	end := make([]byte, n)
	if _, err := f.ReadAt(end, size-n); err != nil {
		return false
	}
	mark := bytes.LastIndex(end, []byte("%%EOF"))
	if mark < 0 || len(end)-mark > 1024+5 {
		return false
	}
	xref := bytes.LastIndex(end[:mark], []byte("startxref"))
	if xref < 0 {
		return false
	}
	words := strings.Fields(string(end[xref+len("startxref") : mark]))
	if len(words) == 0 {
		return false
	}
	at, err := strconv.ParseInt(words[0], 10, 64)
	return err == nil && at >= 0 && at < size
}

// All chunks from the first to IEND, with their sums.
func wholePNG(r *bufio.Reader) bool {
	var head [8]byte
	data := false
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return false
	}
	for first := true; ; first = false {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return false
		}
		n, kind := binary.BigEndian.Uint32(head[:4]), string(head[4:])
		if n > 1<<31-1 || (kind == "IHDR") != first || (first && n != 13) {
			return false
		}
		sum, err := sumOf(r, crc32.ChecksumIEEE(head[4:]), int(n))
		if err != nil {
			return false
		}
		var told [4]byte
		if _, err := io.ReadFull(r, told[:]); err != nil || binary.BigEndian.Uint32(told[:]) != sum {
			return false
		}
		if kind == "IEND" {
			return data && n == 0
		}
		data = data || kind == "IDAT"
	}
}

// The sum of n more bytes, taken where they lie in the reader's buffer.
func sumOf(r *bufio.Reader, sum uint32, n int) (uint32, error) {
	for n > 0 {
		k := r.Size()
		if n < k {
			k = n
		}
		part, err := r.Peek(k)
		if err != nil {
			return 0, err
		}
		sum = crc32.Update(sum, crc32.IEEETable, part)
		r.Discard(k)
		n -= k
	}
	return sum, nil
}

// All segments from the first to the end mark, with a frame and a scan.
func wholeJPEG(r *bufio.Reader) bool {
	var frame, scan bool
	r.Discard(2)
	for c := marker(r); c > 0; {
		switch {
		case c == 0xd9:
			return frame && scan
		case c == 0xd8:
			return false
		case c == 0x01 || c >= 0xd0 && c <= 0xd7:
			c = marker(r)
			continue
		}
		var size [2]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return false
		}
		n := int(binary.BigEndian.Uint16(size[:]))
		if n < 2 {
			return false
		}
		if k, _ := r.Discard(n - 2); k != n-2 {
			return false
		}
		frame = frame || c >= 0xc0 && c <= 0xcf && c != 0xc4 && c != 0xc8 && c != 0xcc
		if c == 0xda {
			scan = true
			c = afterScan(r)
		} else {
			c = marker(r)
		}
	}
	return false
}

// The next marker; between segments only fill bytes may stand before it.
func marker(r *bufio.Reader) int {
	c, err := r.ReadByte()
	if err != nil || c != 0xff {
		return -1
	}
	for c == 0xff && err == nil {
		c, err = r.ReadByte()
	}
	if err != nil {
		return -1
	}
	return int(c)
}

// From inside the coded data on to the next marker that is not part of it.
func afterScan(r *bufio.Reader) int {
	for {
		for {
			if _, err := r.ReadSlice(0xff); err == nil {
				break
			} else if err != bufio.ErrBufferFull {
				return -1
			}
		}
		c, err := r.ReadByte()
		for c == 0xff && err == nil {
			c, err = r.ReadByte()
		}
		if err != nil {
			return -1
		}
		if c != 0 && !(c >= 0xd0 && c <= 0xd7) {
			return int(c)
		}
	}
}
