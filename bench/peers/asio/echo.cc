// boost.asio: callbacks on one io_context.
#include <utility> // boost 1.74 forgets it

#include <boost/asio.hpp>
#include <cstdio>
#include <memory>

using boost::asio::ip::tcp;

struct peer : std::enable_shared_from_this<peer> {
	tcp::socket socket;
	char buf[512];

	explicit peer(tcp::socket s) : socket(std::move(s)) {}

	void read()
	{
		socket.async_read_some(boost::asio::buffer(buf),
			[self = shared_from_this()](auto error, size_t n) {
				if (!error)
					self->write(n);
			});
	}

	void write(size_t n)
	{
		boost::asio::async_write(socket, boost::asio::buffer(buf, n),
			[self = shared_from_this()](auto error, size_t) {
				if (!error)
					self->read();
			});
	}
};

static void accept(tcp::acceptor &listener)
{
	listener.async_accept([&](auto error, tcp::socket socket) {
		if (!error)
			std::make_shared<peer>(std::move(socket))->read();
		accept(listener);
	});
}

int main()
{
	boost::asio::io_context loop(1);
	tcp::acceptor listener(loop, { boost::asio::ip::address_v4::loopback(), 0 });

	printf("%d\n", listener.local_endpoint().port());
	fflush(stdout);
	accept(listener);
	loop.run();
}
