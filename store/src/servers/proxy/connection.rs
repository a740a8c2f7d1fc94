//! One connection through a proxy: two pumps, and what the weather does to them.

use std::future::pending;
use std::io::{Error, ErrorKind, Result};
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::weather::{PIECE, Weather};

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Answer,
}

/// Carries bytes between `client` and the server on the port `target` until both sides are done, or one fails.
pub async fn relay(client: TcpStream, target: u16, weather: Weather) {
    carry(client, target, &weather).await.ok();
}

async fn carry(client: TcpStream, target: u16, weather: &Weather) -> Result<()> {
    if weather.now().swallows {
        return swallow(client).await;
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let requests = pump(from_client, to_server, Way::Request, weather);
    let answers = pump(from_server, to_client, Way::Answer, weather);
    tokio::try_join!(requests, answers).map(|_| ())
}

async fn swallow(mut client: TcpStream) -> Result<()> {
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    pending().await
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Way, weather: &Weather) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let size = from.read(&mut buffer[..weather.piece()]).await?;
        weather.hold().await;
        match (size, weather.now().swallows) {
            (0, true) => return pending().await,
            (0, false) => return to.shutdown().await,
            (_, true) => continue,
            (_, false) => pass(&buffer[..size], &mut to, way, weather).await?,
        }
    }
}

/// Passes a piece on, all of it or up to the cut.
async fn pass(piece: &[u8], to: &mut OwnedWriteHalf, way: Way, weather: &Weather) -> Result<()> {
    let cut = if way == Way::Answer { weather.cut(piece.len()) } else { None };
    to.write_all(&piece[..cut.unwrap_or(piece.len())]).await?;
    if cut.is_some() {
        return Err(Error::from(ErrorKind::ConnectionAborted));
    }
    weather.pay(piece.len()).await;
    Ok(())
}
