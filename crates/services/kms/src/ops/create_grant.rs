//! CreateGrant: somebody else may use a key, for some operations.

use crate::api::{CreateGrantRequest, CreateGrantResponse};
use crate::asked::Asked;
use crate::grant::GrantId;
use crate::machine::{Command, Reply, check_room_for_grant, check_usable};
use crate::needs::{Asking, Saying, facts_of_context};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct CreateGrant;

impl Operation for CreateGrant {
    type Input = CreateGrantRequest;
    type Output = CreateGrantResponse;

    fn needs(asking: &Asking<'_>, input: &CreateGrantRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default()
            .many("kms:grantoperations", input.operations.iter().map(String::as_str))
            .text("kms:granteeprincipal", input.grantee_principal.as_deref())
            .text("kms:retiringprincipal", input.retiring_principal.as_deref())
            .bool("kms:grantisforawsresource", false);
        let constraint = input.constraints.as_ref().and_then(grants::constraint_type);
        let terms = grants::terms(input);
        let mut saying = saying.text("kms:grantconstrainttype", constraint);
        saying.facts.extend([&terms.subset, &terms.equals].into_iter().flatten().flat_map(facts_of_context));
        asking.on_saying("CreateGrant", &input.key_id, Saying { makes: Some(&terms), ..saying })
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: CreateGrantRequest,
    ) -> Result<CreateGrantResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.own_key(&caller, &input.key_id).await?;
        check_usable(&kept.key)?;
        grants::check_operations(&kept.key, &input.operations)?;
        let (ring, place) = service.place(&caller, &input.key_id).await?;
        let id = GrantId(service.vault.chance());
        let is_dry_run = input.dry_run == Some(true);
        let grant = grants::of_request(&caller, id, service.catalog.now(), input)?;
        if is_dry_run {
            check_room_for_grant(&kept)?;
            return Err(Refusal::dry_run());
        }
        let id = match service.ask(&ring, Command::AddGrant { place, grant: Box::new(grant) }).await? {
            Reply::Granted(id) => id,
            other => unreachable!("who makes a grant is answered the grant, not {other:?}"),
        };
        Ok(CreateGrantResponse { grant_token: Some(id.token(&kept.key.id)), grant_id: Some(id.to_string()) })
    }
}
