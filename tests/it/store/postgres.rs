//! A PostgreSQL server of the test's own, on loopback.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use quietline::net::listen;

/// A server that stops when it is dropped.
pub(super) struct Server {
    folder: PathBuf,
    port: u16,
    bin: PathBuf,
}

impl Server {
    /// `None`, with a word, where PostgreSQL is not installed; with `CI=true` that is a failure.
    pub(super) fn start() -> Option<Self> {
        let Some(bin) = bin() else {
            let missing = "PostgreSQL's server is missing (initdb, pg_ctl): apt-get install postgresql";
            assert!(std::env::var("CI").is_err(), "{missing}");
            let _ = writeln!(std::io::stderr(), "skipped: {missing}");
            return None;
        };
        let folder = std::env::temp_dir().join(format!("quietline-postgres-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (_reserved, addr) = listen::reserve().unwrap();
        let server = Self { folder, port: addr.port(), bin };
        if is_root() {
            // The server does not run as root.
            server.run(Command::new("chown").arg("postgres").arg(&server.folder));
        }
        let (data, log) = (server.folder.join("data"), server.folder.join("log"));
        server.run(server.tool("initdb").arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "quietline",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]));
        let folder = server.folder.display();
        let settings =
            format!("-p {} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c shared_buffers=32MB", server.port);
        drop(_reserved);
        server.run(
            server
                .tool("pg_ctl")
                .arg("-D")
                .arg(&data)
                .arg("-w")
                .arg("-l")
                .arg(&log)
                .arg("-o")
                .arg(settings)
                .arg("start"),
        );
        Some(server)
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://quietline@127.0.0.1:{}/postgres", self.port)
    }

    /// One of its tools, as a user who may run it.
    fn tool(&self, name: &str) -> Command {
        let path = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        // A folder that its user can enter.
        command.current_dir("/");
        command
    }

    fn run(&self, command: &mut Command) {
        // The server keeps what it inherits: pipes would never end.
        let log = self.folder.with_extension("out");
        let out = std::fs::File::create(&log).unwrap();
        let status = command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).status().unwrap();
        assert!(status.success(), "{command:?}: {}", std::fs::read_to_string(&log).unwrap_or_default());
        let _ = std::fs::remove_file(log);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.join("data");
        let mut stop = self.tool("pg_ctl");
        let stop = stop.arg("-D").arg(&data).args(["-m", "immediate", "stop"]);
        let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Where the tools are: the newest of the distribution's, else on the path.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok();
    let mut found: Vec<_> =
        versions.into_iter().flatten().flatten().map(|version| version.path().join("bin")).collect();
    found.sort();
    found.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect::<Vec<_>>().into_iter().rev());
    found.into_iter().rev().find(|folder| has(folder, "initdb") && has(folder, "pg_ctl"))
}

fn has(folder: &Path, name: &str) -> bool {
    folder.join(name).is_file()
}
