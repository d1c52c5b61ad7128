/** A text editor for one file: CodeMirror, loaded when the first one is on the screen. */
import { useEffect, useRef } from 'preact/hooks';
import type { EditorView } from '@codemirror/view';
import { whenShown } from './shown.ts';

interface Props { name: string; text: string; change(text: string): void }

export function Editor({ name, text, change }: Props) {
  const place = useRef<HTMLDivElement>(null), view = useRef<EditorView | undefined>(undefined), newest = useRef(text);
  newest.current = text;
  useEffect(() => {
    let gone = false;
    const unwatch = whenShown(place.current!, () => void import('./codemirror.ts').then(({ editor }) => {
      if (!gone && place.current) view.current = editor(place.current, name, newest.current, change);
    }));
    return () => { gone = true; unwatch(); view.current?.destroy(); };
  }, [name]);
  useEffect(() => {
    const v = view.current;
    if (v && v.state.doc.toString() !== text) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: text } });
  },
    [text]);
  return <div class="editor" ref={place} />;
}
