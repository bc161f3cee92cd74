//! One contract for both databases; PostgreSQL is a real server.

mod contract;
mod postgres;
mod process;

use std::path::PathBuf;
use std::sync::Arc;

use quietline::store::{self, Location, Store};

/// A file of its own.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    path
}

async fn open(location: &Location) -> Arc<dyn Store> {
    store::open(location).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    let path = file("contract.db");
    contract::all(&Location::Sqlite(path.clone())).await;
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "it holds what callers said");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_in_memory_keeps_the_contract() {
    let store = open(&Location::Memory).await;
    contract::everything(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_the_contract() {
    let Some(server) = postgres::Server::start() else { return };
    contract::all(&Location::Postgres(server.url().into())).await;
    let (here, there) =
        (open(&Location::Postgres(server.url().into())).await, open(&Location::Postgres(server.url().into())).await);
    contract::changes_are_told_to_other_processes(&here, &there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_tells_that_another_process_has_written() {
    let location = Location::Sqlite(file("two.db"));
    let (here, there) = (open(&location).await, open(&location).await);
    contract::changes_are_told_to_other_processes(&here, &there).await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let text = file("text.db");
    std::fs::write(&text, "this is no database, though it is long enough to be looked at as one".repeat(100)).unwrap();
    for (location, told) in [
        (Location::Sqlite("/nowhere/at/all/x.db".into()), "make the folder"),
        (Location::Sqlite(text), "no database"),
        (Location::Postgres("postgres://a:sesame@127.0.0.1:1/b".into()), "check host and port"),
        (Location::Postgres("nonsense sesame".into()), "postgres://USER"),
    ] {
        let error = store::open(&location).await.expect_err(told).to_string();
        assert!(error.contains(told) && !error.contains("sesame"), "{error}");
    }
}
