use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (mut peer, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut buf = [0u8; 512];
            while let Ok(n) = peer.read(&mut buf).await {
                if n == 0 || peer.write_all(&buf[..n]).await.is_err() {
                    break;
                }
            }
        });
    }
}

fn main() {
    let rt = Builder::new_current_thread().enable_io().build().unwrap();
    rt.block_on(serve()).unwrap();
}
