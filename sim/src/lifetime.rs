//! How processes begin and end: starts, kills, power cuts, orderly stops, and logs that a failed write has stopped.

use crate::client::Connection;
use crate::jobs::JOBS;
use crate::link::Break;
use crate::server::{Server, Start};
use crate::world::{World, settle};
use journal::OpenError;
use names::Instant;

/// Starts that may be disturbed in a row; the next one goes undisturbed.
const DISTURBED_STARTS_MAX: u32 = 4;

/// Turns in which the connections of a stopping server have to end.
const STOP_TURNS: usize = 30;

/// How a process ends without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// What it had written stays.
    Kill,
    /// What was not synced is lost, kept or torn.
    PowerCut,
}

impl World {
    /// The process ends here, and the next one begins.
    pub(crate) async fn crash_now(&mut self) -> Result<(), String> {
        let end = if self.chance.bool() { End::Kill } else { End::PowerCut };
        self.crash(end).await;
        self.start().await
    }

    pub(crate) async fn crash(&mut self, end: End) {
        self.trace.note(format_args!("{end:?}"));
        self.leave_server();
        self.lose_connections().await;
        self.oracle.crashed();
        self.disk = match end {
            End::Kill => self.disk.kill(),
            End::PowerCut => self.disk.crash(),
        };
        match end {
            End::Kill => self.report.kills += 1,
            End::PowerCut => self.report.power_cuts += 1,
        }
        self.weather.next_process();
    }

    /// Drops the process and counts what it did to the disk.
    pub(crate) fn leave_server(&mut self) {
        self.server = None;
        self.receivers.next_process();
        self.oracle.topics.started();
        self.report.disk_operations += self.disk.ops();
    }

    async fn lose_connections(&mut self) {
        for client in 0..self.clients.len() {
            self.break_off(client, Break::Reset).await;
        }
        settle().await;
    }

    /// Starts until a server serves; each try may be disturbed at any operation of the disk.
    pub(crate) async fn start(&mut self) -> Result<(), String> {
        self.set_clock();
        for tries in 0.. {
            let disturbed = self.disturb(tries);
            let start = Start {
                disk: &self.disk,
                now: Instant::from_millis(self.wall),
                trace: &self.trace,
                seed: self.chance.u64(..),
                sabotage: self.plan.sabotage,
                subject: self.plan.subject,
                receivers: &self.receivers,
            };
            let before = self.disk.ops();
            match Server::open(&start) {
                Ok(server) => {
                    // The process may have gone on from a moment that its store knows.
                    self.wall = server.now().as_millis();
                    self.receivers.time_is(self.wall);
                    self.trace.note(format_args!("started at {}", self.wall));
                    self.server = Some(server);
                    self.weather.noticed();
                    break;
                }
                Err(error) => {
                    self.failed_start(&error, disturbed || self.weather.scarce, tries)?;
                    self.report.disk_operations += self.disk.ops() - before;
                    // Whoever lost its power lost what was not synced; only after other faults the machine runs on.
                    let survives = self.chance.bool() && !self.weather.cut;
                    self.disk = if survives { self.disk.kill() } else { self.disk.crash() };
                    self.weather.next_process();
                }
            }
        }
        self.report.starts += 1;
        self.oracle.time_is(self.wall);
        self.oracle.disk_is(self.weather.scarce, false);
        settle().await;
        Ok(())
    }

    /// Between two processes the wall clock may be set.
    fn set_clock(&mut self) {
        let jump = if self.plan.misfortunes.clock_jumps { self.chance.u8(..8) } else { 7 };
        self.wall = match jump {
            0 => self.wall + 3_600_000,
            1 => self.wall - 3_600_000,
            2 => self.wall - self.chance.u64(..5_000),
            _ => self.wall + self.chance.u64(..5_000),
        };
    }

    /// Arms a fault for a start. Says whether there is one.
    fn disturb(&mut self, tries: u32) -> bool {
        if tries >= DISTURBED_STARTS_MAX {
            self.weather.relieve(&self.disk);
            return false;
        }
        let (ops, reads) = (self.disk.ops(), self.disk.reads());
        let may = self.plan.misfortunes;
        match self.chance.u8(..12) {
            0..=2 if may.crashes => {
                self.weather.cut = true;
                self.disk.power_off_at(ops + self.chance.u64(1..8));
                true
            }
            3 if may.disk_errors => {
                self.weather.error = true;
                self.disk.fail_op(ops + self.chance.u64(1..8), std::io::ErrorKind::Other);
                true
            }
            4 if may.disk_errors => {
                self.disk.fail_read(reads + self.chance.u64(1..12));
                true
            }
            _ => self.weather.error || self.weather.cut,
        }
    }

    /// A start may fail by a fault of the disk, and by nothing else.
    fn failed_start(&mut self, error: &OpenError, excused: bool, tries: u32) -> Result<(), String> {
        self.trace.note(format_args!("start {tries} failed: {error}"));
        self.report.failed_starts += 1;
        match error {
            OpenError::Io(_) if excused => Ok(()),
            _ => Err(format!("the log cannot be opened: {error}")),
        }
    }

    /// Stops in order: every request that has arrived is answered, and the connections end.
    pub(crate) async fn stop_and_start(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("stop"));
        self.report.orderly_stops += 1;
        if let Some(server) = &self.server {
            server.begin_stop();
        }
        self.clients.iter().flatten().for_each(|connection| connection.link.read_fast());
        for _ in 0..STOP_TURNS {
            if self.server.as_ref().is_none_or(Server::is_alone) {
                break;
            }
            self.job_turn(&JOBS[0]).await;
            for client in 0..self.clients.len() {
                self.hurry(client).await?;
            }
        }
        for client in 0..self.clients.len() {
            self.hurry(client).await?;
        }
        self.check_stopped()?;
        self.lose_connections().await;
        let Some(server) = &self.server else { return Ok(()) };
        server.journal().close();
        let failed = server.journal().is_stopped();
        self.leave_server();
        settle().await;
        if failed || self.weather.cut {
            self.oracle.crashed();
        } else {
            self.oracle.synced();
            self.oracle.restarted();
        }
        self.disk = if self.weather.cut { self.disk.crash() } else { self.disk.kill() };
        self.weather.next_process();
        self.start().await
    }

    fn check_stopped(&self) -> Result<(), String> {
        if !self.server.as_ref().is_none_or(Server::is_alone) {
            return Err("a server that was asked to stop keeps its connections".into());
        }
        // A client that took too long to read its answer was cut off in the middle of it.
        let waiting = |connection: &Connection| {
            !connection.is_being_answered() && connection.asked.iter().any(|asked| asked.due.is_some())
        };
        match self.clients.iter().flatten().find(|connection| waiting(connection)) {
            Some(connection) => {
                let intents: Vec<_> = connection.asked.iter().map(|asked| &asked.ticket.intent).collect();
                Err(format!("a server that stops does not answer {intents:?}"))
            }
            None => Ok(()),
        }
    }

    /// The oracle learns whether the server may be unavailable.
    pub(crate) fn note_the_log(&mut self) {
        let stopped = self.server.as_ref().is_some_and(|server| server.journal().is_stopped());
        self.oracle.disk_is(self.weather.scarce, stopped);
        self.oracle.reads_may_fail(self.weather.error || self.weather.cut);
    }

    /// A log that has stopped must have a reason; sooner or later its process ends.
    pub(crate) async fn watch_the_log(&mut self) -> Result<(), String> {
        let stopped = self.server.as_ref().is_some_and(|server| server.journal().is_stopped());
        let was_excused = self.weather.cut || self.weather.error || self.weather.scarce;
        if stopped && !was_excused {
            return Err("the log stopped although the disk did nothing wrong".into());
        }
        if stopped && self.weather.cut {
            // Whatever the process would still say, nobody hears it.
            self.crash(End::PowerCut).await;
            return self.start().await;
        }
        self.note_the_log();
        if stopped && self.chance.u8(..8) == 0 {
            self.report.stopped_logs += 1;
            self.relieve_perhaps();
            let end = if self.chance.bool() { End::Kill } else { End::PowerCut };
            self.crash(end).await;
            return self.start().await;
        }
        Ok(())
    }

    fn relieve_perhaps(&mut self) {
        if self.weather.is_full() && self.chance.bool() {
            self.weather.relieve(&self.disk);
        }
    }
}
