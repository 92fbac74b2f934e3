//! Programs that come as Debian packages, installed by apt-get where that is possible.
//!
//! A program counts as present when its file is there, however it came; apt-get is asked only for what is missing, and
//! only by root. Elsewhere the suites that need it are skipped by name.

use std::path::Path;

use super::Missing;
use crate::process;

/// One program that tests start, or a library of one.
struct Program {
    package: &'static str,
    /// A file that the package brings; suites name programs in full, since a shim in PATH may hide another version.
    file: &'static str,
}

/// Debian's awscli is version 2.9, the last widely installed client that speaks SQS in the query form.
/// The SDKs for Go, PHP and Perl speak it too, and their versions are those of the distribution.
const PROGRAMS: [Program; 12] = [
    Program { package: "awscli", file: "/usr/bin/aws" },
    Program { package: "strace", file: "/usr/bin/strace" },
    Program { package: "curl", file: "/usr/bin/curl" },
    Program { package: "openssl", file: "/usr/bin/openssl" },
    Program { package: "faketime", file: "/usr/bin/faketime" },
    Program { package: "pebble", file: "/usr/bin/pebble" },
    Program { package: "openjdk-17-jre-headless", file: "/usr/bin/java" },
    Program { package: "golang-go", file: "/usr/bin/go" },
    Program {
        package: "golang-github-aws-aws-sdk-go-dev",
        file: "/usr/share/gocode/src/github.com/aws/aws-sdk-go/service/sqs/api.go",
    },
    Program { package: "php-cli", file: "/usr/bin/php" },
    Program { package: "php-async-aws-sqs", file: "/usr/share/php/AsyncAws/Sqs/SqsClient.php" },
    Program { package: "libamazon-sqs-simple-perl", file: "/usr/share/perl5/Amazon/SQS/Simple.pm" },
];

/// Installs what is missing; returns what still is, as `apt:PACKAGE`.
pub(super) fn install() -> Missing {
    let wanted: Vec<&str> = absent().map(|program| program.package).collect();
    if wanted.is_empty() {
        return Missing::new();
    }
    let outcome = apt_get(&wanted);
    let why = |program: &Program| match &outcome {
        Ok(()) => format!("{} is missing although its package is installed", program.file),
        Err(why) => why.clone(),
    };
    absent().map(|program| (format!("apt:{}", program.package), why(program))).collect()
}

/// Whether a suite may ask for this package.
pub(crate) fn knows_debian(package: &str) -> bool {
    PROGRAMS.iter().any(|program| program.package == package)
}

fn absent() -> impl Iterator<Item = &'static Program> {
    PROGRAMS.iter().filter(|program| !Path::new(program.file).exists())
}

fn apt_get(packages: &[&str]) -> Result<(), String> {
    if process::run_quietly(&mut process::command("id", &["-u"]))?.trim() != "0" {
        return Err("only root can install Debian packages".into());
    }
    println!("setup: installing {}", packages.join(", "));
    process::run_quietly(&mut process::command("apt-get", &["update", "-q"]))?;
    let mut install = process::command("apt-get", &["install", "-q", "-y", "--no-install-recommends"]);
    process::run_quietly(install.env("DEBIAN_FRONTEND", "noninteractive").args(packages)).map(drop)
}
