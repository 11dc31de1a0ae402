/** Fields of the form: each knows its parameter, its label and what is wrong with it. */
import type { ComponentChildren } from 'preact'
import type { Proposal } from '../../lib/proposal.ts'
import { proposal, setField } from './state.ts'

export type Wrong = Partial<Record<keyof Proposal, string>>

export interface Shown {
  wrong: Wrong
  /** Fields that nobody filled in yet are told of once somebody wanted to save. */
  wasSent: boolean
}

/** They begin empty. */
const LATE: (keyof Proposal)[] = ['name', 'threshold', 'query', 'rule', 'wait', 'extension']

export function Labelled({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <label>
      {title}
      {children}
    </label>
  )
}

export function Mistake({ field, wrong, wasSent }: { field: keyof Proposal } & Shown) {
  const what = wrong[field]
  if (!what || (!wasSent && LATE.includes(field))) return null
  return (
    <span class="wrong" id={`wrong-${field}`}>
      {what}
    </span>
  )
}

interface InputProps extends Shown {
  field: keyof Proposal
  label: string
  placeholder?: string
  mode?: 'decimal' | 'numeric' | 'text'
  list?: string
  isFixed?: boolean
}

export function Input({ field, label, placeholder = '', mode = 'text', list, isFixed = false, wrong, wasSent }: InputProps) {
  return <input type="text" aria-label={label} inputMode={mode} placeholder={placeholder} {...(list ? { list } : {})} readOnly={isFixed} spellcheck={false} aria-invalid={wrong[field] !== undefined && wasSent} value={String(proposal.value[field])} onInput={(event) => setField(field, event.currentTarget.value)} />
}

/** A field with its title, and what is wrong with it. */
export function Field({ title, ...of }: InputProps & { title: string }) {
  return (
    <Labelled title={title}>
      <Input {...of} />
      <Mistake {...of} />
    </Labelled>
  )
}

interface TextProps extends Shown {
  title: string
  field: keyof Proposal
  label: string
  rows: number
  placeholder: string
}

export function Text({ title, field, label, rows, placeholder, ...shown }: TextProps) {
  return (
    <div class="wide">
      <Labelled title={title}>
        <textarea aria-label={label} rows={rows} spellcheck={false} placeholder={placeholder} aria-invalid={shown.wrong[field] !== undefined && shown.wasSent} value={String(proposal.value[field])} onInput={(event) => setField(field, event.currentTarget.value)} />
        <Mistake field={field} {...shown} />
      </Labelled>
    </div>
  )
}

export function Choice({ title, label, field, options }: { title: string; label: string; field: keyof Proposal; options: [value: string, words: string][] }) {
  return (
    <Labelled title={title}>
      <select aria-label={label} value={String(proposal.value[field])} onChange={(event) => setField(field, event.currentTarget.value)}>
        {options.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </Labelled>
  )
}

/** On or off: on is `1`. */
export function Tick({ label, field }: { label: string; field: keyof Proposal }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={proposal.value[field] !== ''} onChange={(event) => setField(field, event.currentTarget.checked ? '1' : '')} /> {label}
    </label>
  )
}
