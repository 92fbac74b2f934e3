// The kept list: where AWS's documentation and the oracle part, and the documentation has it.
//
// Each entry says what the documentation says in another way of writing, one in which nothing is in dispute: `rewrite`
// returns the case so written, or nothing where the entry has no say. A difference counts as explained only if the oracle,
// asked again with what the entries wrote, gives our verdict. An entry without a difference to explain fails a full run.

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value])

/** All policies of a case that hold statements, with a name of their kind. */
function* documents(simulation) {
  for (const named of simulation.identityPolicies) yield named.policy
  for (const level of [...simulation.serviceControlPolicies, ...simulation.resourceControlPolicies])
    for (const named of level.policies) yield named.policy
  for (const named of simulation.permissionBoundaryPolicies ?? []) yield named.policy
  if (simulation.sessionPolicy) yield simulation.sessionPolicy
  if (simulation.resourcePolicy) yield simulation.resourcePolicy
}

/** Changes every statement in place; a change that returns `null` takes the statement away. */
function eachStatement(simulation, change) {
  for (const policy of documents(simulation))
    policy.Statement = policy.Statement.map((statement) => change(statement, policy)).filter((left) => left !== null)
}

const lookup = (variables, key) => {
  const found = Object.entries(variables).find(([name]) => name.toLowerCase() === key.toLowerCase())
  return found?.[1]
}

/** Every name that a caller answers to: its own, its role's, its account's. */
function namesOf(principal) {
  if (typeof principal !== 'string') return []
  const account = principal.split(':')[4]
  if (account === undefined) return [principal]
  const names = [principal, `arn:aws:iam::${account}:root`]
  const session = principal.match(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\//)
  if (session) names.push(`arn:aws:iam::${session[1]}:role/${session[2]}`)
  return [...new Set(names)]
}

const NOTHING = { Effect: 'Allow', Action: 'none:None', Resource: 'arn:aws:none:::none' }

/** What a statement that can match nothing is replaced with, so that the policy is not left empty. */
const nothing = (statement) => {
  const { Principal, NotPrincipal } = statement
  return Principal || NotPrincipal
    ? { Effect: 'Deny', Principal: '*', Action: 'sts:TagSession', ...('Resource' in statement || 'NotResource' in statement ? { Resource: 'arn:aws:sqs:us-east-1:999999999999:none' } : {}) }
    : NOTHING
}

export const kept = [
  {
    name: 'a root user may everything in its account',
    source: '"all requests are implicitly denied with the exception of the AWS account root user, which has full access" (IAM User Guide, How AWS enforcement code logic evaluates requests)',
    rewrite(simulation) {
      if (!String(simulation.request.principal).endsWith(':root')) return false
      const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
      simulation.identityPolicies = [{ name: 'root', policy: everything }]
      return true
    },
  },
  {
    name: 'a grant to the session itself is not cut by what its session policy leaves out',
    source: '"resource-based policies … that grant permissions to the role session … those permissions are not limited by an implicit deny in a permissions boundary or session policy" (IAM User Guide, AWS JSON policy elements: Principal, role session principals; GetFederationToken of the STS API Reference for federated users)',
    rewrite(simulation, { verdict, because }) {
      const { principal } = simulation.request
      if (!simulation.sessionPolicy || verdict !== 'Allowed') return false
      if (!['resource-based policy', 'role trust policy'].includes(because.layer)) return false
      const statement = simulation.resourcePolicy.Statement[because.statement]
      if (!list(statement.Principal?.AWS).includes(principal)) return false
      const refusals = simulation.sessionPolicy.Statement.filter(({ Effect }) => Effect === 'Deny')
      simulation.sessionPolicy.Statement = [{ Effect: 'Allow', Action: '*', Resource: '*' }, ...refusals]
      return true
    },
  },
  {
    name: 'NotPrincipal spares only whom it lists under every name, and nobody with a boundary',
    source: '"you must also specify the account ARN of the not-denied principal" and the assumed-role and role ARNs (IAM User Guide, AWS JSON policy elements: NotPrincipal); "will always deny any IAM principal that has a permissions boundary policy attached, regardless of the values specified" (Permissions boundaries for IAM entities)',
    rewrite(simulation) {
      let changed = false
      const names = namesOf(simulation.request.principal)
      const bounded = (simulation.permissionBoundaryPolicies ?? []).length > 0
      if (simulation.resourcePolicy === undefined) return false
      simulation.resourcePolicy.Statement = simulation.resourcePolicy.Statement.map((statement) => {
        if (!('NotPrincipal' in statement)) return statement
        changed = true
        const { NotPrincipal, ...rest } = statement
        const listed = [...list(NotPrincipal.AWS), ...list(NotPrincipal.Service)]
        const whole = listed.map((name) => (/^\d{12}$/.test(name) ? `arn:aws:iam::${name}:root` : name))
        const spared = statement.Effect === 'Deny'
          ? !bounded && names.length > 0 && names.every((name) => whole.includes(name))
          : names.some((name) => whole.includes(name))
        return spared ? nothing({ ...rest, Principal: '*' }) : { ...rest, Principal: '*' }
      })
      return changed
    },
  },
  {
    name: 'IfExists holds where the key is missing, with ForAnyValue too',
    source: '"If the key is not present, evaluate the condition element as true" (IAM User Guide, Condition operators, …IfExists: for any condition operator name except Null)',
    rewrite(simulation) {
      let changed = false
      eachStatement(simulation, (statement) => {
        for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
          if (operator.startsWith('ForAnyValue:') && operator.endsWith('IfExists'))
            for (const key of Object.keys(keys))
              if (lookup(simulation.request.contextVariables, key) === undefined) {
                delete keys[key]
                changed = true
              }
        for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
          if (Object.keys(keys).length === 0) delete statement.Condition[operator]
        if (statement.Condition && Object.keys(statement.Condition).length === 0) delete statement.Condition
        return statement
      })
      return changed
    },
  },
  {
    name: 'a date may be written in seconds since 1970',
    source: '"Specify date/time values with one of the W3C implementations of the ISO 8601 date formats or in epoch (UNIX) time" (IAM User Guide, Date condition operators)',
    rewrite(simulation) {
      let changed = false
      const iso = (value) => {
        if (!/^\d{9,}$/.test(value)) return value
        changed = true
        return new Date(Number(value) * 1000).toISOString().replace('.000Z', 'Z')
      }
      eachStatement(simulation, (statement) => {
        for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
          if (/^(For\w+:)?Date/.test(operator)) for (const key of Object.keys(keys)) keys[key] = list(keys[key]).map(iso)
        return statement
      })
      return changed
    },
  },
  {
    name: 'a variable in a resource is its value, or its default where it has one',
    source: '"Resource": "arn:aws:s3:::bucket/${aws:username}/*" and "${key, \'default value\'}" (IAM User Guide, IAM policy elements: Variables and tags)',
    rewrite(simulation) {
      let changed = false
      const literal = (value) => value.replace(/[*?]/g, (character) => `\${${character}}`)
      const fill = (text) => text.replace(/\$\{([A-Za-z][^,}]*)(?:, '([^']*)')?\}/g, (whole, key, standing) => {
        const value = lookup(simulation.request.contextVariables, key) ?? standing
        if (typeof value !== 'string') return whole
        changed = true
        return literal(value)
      })
      eachStatement(simulation, (statement, policy) => {
        if (policy.Version !== '2012-10-17') return statement
        for (const element of ['Resource', 'NotResource'])
          if (element in statement) statement[element] = list(statement[element]).map(fill)
        return statement
      })
      return changed
    },
  },
  {
    name: 'a star that ends its segment matches beyond the colon',
    source: '"If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries" (IAM User Guide, IAM JSON policy elements: Resource)',
    rewrite(simulation) {
      let changed = false
      const { resource } = simulation.request.resource
      const spell = (pattern) => {
        if (!pattern.startsWith('arn:') || pattern.split(':').length >= 6) return pattern
        changed = true
        const matcher = pattern.split('*').map((part) => part.replace(/[.+^${}()|[\]\\]/g, '\\$&')).join('.*')
        return new RegExp(`^${matcher}$`).test(resource) ? resource : 'arn:aws:sqs:us-east-1:999999999999:none'
      }
      eachStatement(simulation, (statement) => {
        for (const element of ['Resource', 'NotResource'])
          if (element in statement) statement[element] = list(statement[element]).map(spell)
        return statement
      })
      return changed
    },
  },
  {
    name: 'without a prefix an address is one address, and a prefix of 0 is every address',
    source: '"If you specify an IP address without the associated routing prefix, IAM uses the default prefix value of /32" (IAM User Guide, IP address condition operators); /0 is written here as its two halves',
    rewrite(simulation) {
      let changed = false
      const forms = { '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'], '::/0': ['::/1', '8000::/1'] }
      const spell = (value) => {
        if (!(value in forms) && value.includes('/')) return [value]
        changed = true
        return forms[value] ?? [`${value}/32`]
      }
      eachStatement(simulation, (statement) => {
        for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
          if (operator.includes('IpAddress')) for (const key of Object.keys(keys)) keys[key] = list(keys[key]).flatMap(spell)
        return statement
      })
      return changed
    },
  },
  {
    name: 'in version 2008-10-17 there are no variables',
    source: '"If you include a variable in a policy with an earlier version, variables … are treated as literal strings" (IAM User Guide, IAM JSON policy elements: Version)',
    rewrite(simulation) {
      let changed = false
      const plain = (text) => text.replace(/\$\{[^}]*\}/g, () => ((changed = true), 'a-text-that-no-request-has'))
      eachStatement(simulation, (statement, policy) => {
        if (policy.Version !== '2008-10-17') return statement
        for (const element of ['Resource', 'NotResource'])
          if (element in statement) statement[element] = list(statement[element]).map(plain)
        for (const keys of Object.values(statement.Condition ?? {}))
          for (const key of Object.keys(keys)) keys[key] = list(keys[key]).map(plain)
        return statement
      })
      return changed
    },
  },
  {
    name: 'a grant to everybody is not directly to a session, so its boundary cuts it',
    source: '"Permissions granted directly to a session are not limited by an implicit deny in … a permissions boundary": directly is by the ARN of the session (IAM User Guide, Permissions boundaries for IAM entities, Resource-based policies)',
    rewrite(simulation) {
      const { principal } = simulation.request
      const session = /:(assumed-role|role|federated-user)\//.test(String(principal))
      if (!session || !simulation.permissionBoundaryPolicies || !simulation.resourcePolicy) return false
      // A grant that the boundary cuts is written as what it is then worth: as the identity's own.
      let changed = false
      for (const statement of simulation.resourcePolicy.Statement) {
        const everybody = statement.Principal === '*' || list(statement.Principal?.AWS).includes('*')
        if (statement.Effect !== 'Allow' || !everybody) continue
        const { Principal, ...own } = statement
        const policy = { Version: simulation.resourcePolicy.Version, Statement: ['NotResource' in own ? own : { Resource: '*', ...own }] }
        simulation.identityPolicies.push({ name: `everybody ${simulation.identityPolicies.length}`, policy })
        statement.Principal = { AWS: principal.split(':')[4] }
        changed = true
      }
      return changed
    },
  },
  {
    name: 'a resource with a variable that has no value is no resource, and NotResource is about every other',
    source: '"NotResource … matches every resource except those specified" (IAM User Guide, IAM JSON policy elements: NotResource): what names nothing excepts nothing',
    rewrite(simulation) {
      let changed = false
      const spell = (pattern) => {
        const keys = [...pattern.matchAll(/\$\{([A-Za-z][^},]*)\}/g)].map(([, key]) => key)
        if (keys.every((key) => typeof lookup(simulation.request.contextVariables, key) === 'string')) return pattern
        changed = true
        return 'arn:aws:sqs:us-east-1:999999999999:none'
      }
      eachStatement(simulation, (statement, policy) => {
        if (policy.Version === '2012-10-17' && 'NotResource' in statement)
          statement.NotResource = list(statement.NotResource).map(spell)
        return statement
      })
      return changed
    },
  },
]
