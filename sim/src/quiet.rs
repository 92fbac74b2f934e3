//! Calm days: the beginning and the end of every history, whatever it is of, and requests that are answered at once.

use crate::ask::Request;
use crate::client::{Answer, Connection};
use crate::jobs::JOBS;
use crate::lifetime::End;
use crate::link::Break;
use crate::plan::{Misfortunes, Subject};
use crate::sabotage;
use crate::world::{World, settle};

/// Turns in which a request of a quiet moment has to be answered.
const QUIET_TURNS: usize = 8;

/// Syncs after which a request about streams or topics waits for nothing but time: a resharding waits twice, and a receive of a queue for
/// each shard in which it finds records that have expired; a publish waits for its dead letters behind its letters.
const COMMITS_OF_CHAINS: usize = 12;

/// Turns in which one is answered that time has to pass for.
const PATIENT_TURNS: usize = 40;

impl World {
    /// The first start, and what the history is of.
    pub(crate) async fn begin(&mut self) -> Result<(), String> {
        let misfortunes = self.calm_down();
        self.start().await?;
        match self.plan.subject {
            Subject::Queues => self.begin_queues().await?,
            Subject::Streams => self.begin_streams().await?,
            Subject::Topics => self.begin_topics().await?,
        }
        self.plan.misfortunes = misfortunes;
        Ok(())
    }

    /// After one last crash or stop, on a calm day, the accounts are settled.
    pub(crate) async fn conclude(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("conclusion"));
        self.check_promptness().await?;
        let misfortunes = self.calm_down();
        self.weather.relieve(&self.disk);
        if misfortunes.crashes && self.chance.bool() {
            self.crash(End::PowerCut).await;
            self.start().await?;
        } else {
            self.stop_and_start().await?;
        }
        match self.plan.subject {
            Subject::Queues => self.conclude_queues(misfortunes).await?,
            Subject::Streams => self.conclude_streams(misfortunes).await?,
            Subject::Topics => self.conclude_topics(misfortunes).await?,
        }
        self.report.disk_operations += self.disk.ops();
        Ok(())
    }

    /// Nothing goes wrong from now on; what might have.
    fn calm_down(&mut self) -> Misfortunes {
        std::mem::replace(&mut self.plan.misfortunes, Misfortunes::NONE)
    }

    /// Whatever has arrived whole and waits for nothing but the disk is answered as soon as that is done.
    pub(crate) async fn check_promptness(&mut self) -> Result<(), String> {
        // What changes one thing after the other waits for the disk as often.
        let commits = if self.plan.subject == Subject::Queues { 1 } else { COMMITS_OF_CHAINS };
        for _ in 0..commits {
            self.job_turn(&JOBS[0]).await;
        }
        for client in 0..self.clients.len() {
            if self.clients[client].as_ref().is_some_and(Connection::is_multiplexed) {
                if let Some(connection) = &self.clients[client] {
                    connection.link.deliver_down(usize::MAX);
                }
                settle().await;
                self.read(client)?;
            }
            let Some(connection) = &self.clients[client] else { continue };
            let overdue = connection.asked.iter().find(|asked| asked.due.is_some_and(|due| due <= self.wall));
            if let Some(asked) = overdue.filter(|_| !connection.is_being_answered()) {
                return Err(format!("{:?} is not answered in time", asked.ticket.intent));
            }
        }
        Ok(())
    }

    /// The same as [`World::ask_quietly`], of what nothing stands in the way of.
    pub(crate) async fn must_succeed(&mut self, request: &Request) -> Result<Answer, String> {
        let answer = self.ask_quietly(request).await?;
        match answer.status {
            200 => Ok(answer),
            status => Err(format!("{} on a quiet day is answered with {status}: {}", request.operation, answer.body)),
        }
    }

    /// A client with an HTTP/1.1 connection of its own.
    pub(crate) fn quiet_client(&mut self) -> usize {
        let link = self.server.as_mut().map(|server| server.connect(1 << 20));
        self.clients.push(link.map(Connection::one));
        self.clients.len() - 1
    }

    /// Asks on a connection of its own and waits for the answer.
    pub(crate) async fn ask_quietly(&mut self, request: &Request) -> Result<Answer, String> {
        self.ask_and_wait(request, 0).await
    }

    /// The same, while time passes in steps.
    pub(crate) async fn ask_and_wait(&mut self, request: &Request, step: u64) -> Result<Answer, String> {
        let client = self.quiet_client();
        self.ask(client, request);
        for _ in 0..if step == 0 { QUIET_TURNS } else { PATIENT_TURNS } {
            self.hurry_and_keep(client).await;
            self.job_turn(&JOBS[0]).await;
            if step > 0 {
                self.pass(step).await;
                self.hurry_and_keep(client).await;
            }
            let Some(connection) = &mut self.clients[client] else { break };
            let Some((asked, Some(mut answer))) = connection.read(&self.trace)?.pop() else { continue };
            self.report.answers += 1;
            let is_rotten = self.oracle.is_rotten();
            sabotage::distort(&mut answer.body, self.plan.sabotage, &mut self.shown, is_rotten);
            self.oracle.answered(&asked.ticket, &answer)?;
            self.break_off(client, Break::Quietly).await;
            self.clients.pop();
            return Ok(answer);
        }
        Err(format!("{} is not answered on a quiet day", request.operation))
    }

    /// All bytes travel at once, and none is read.
    async fn hurry_and_keep(&self, client: usize) {
        if let Some(connection) = &self.clients[client] {
            connection.link.deliver_up(usize::MAX);
            settle().await;
            connection.link.deliver_down(usize::MAX);
            settle().await;
        }
    }
}
