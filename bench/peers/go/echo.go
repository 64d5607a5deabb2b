package main

import (
	"fmt"
	"net"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		peer, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer peer.Close()
			buf := make([]byte, 512)
			for {
				n, err := peer.Read(buf)
				if err != nil {
					return
				}
				if _, err = peer.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}
