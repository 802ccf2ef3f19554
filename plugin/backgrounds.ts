import type { PictureSource } from '../effects';
import library from './backgrounds/library.webp';
import studio from './backgrounds/studio.webp';
import greenery from './backgrounds/window.webp';
import type { Config } from './config';
import { text } from './i18n';

/** What can stand behind somebody instead of their room. `id` is what is remembered. */
export type Background =
  | {
      readonly kind: 'picture' | 'video';
      readonly id: string;
      readonly name: string;
      readonly source: PictureSource;
      /** What a video looks like when it does not play. */
      readonly poster?: PictureSource;
      /** The user's own: can be deleted. */
      readonly own: boolean;
    }
  | { readonly kind: 'colour'; readonly id: string; readonly name: string; readonly colour: string };

/** The bundled pictures, what the administrator adds and the plain colours; none of them is loaded yet. */
export const offeredBackgrounds = ({ pictures, videos }: Config['effects']): Background[] => {
  const picture = (id: string, name: string, source: string): Background => ({ kind: 'picture', id, name, source, own: false });
  const colour = (name: string, value: string): Background => ({ kind: 'colour', id: `colour:${value}`, name, colour: value });
  return [
    picture('picture:studio', text('pictureStudio'), studio),
    picture('picture:library', text('pictureLibrary'), library),
    picture('picture:window', text('pictureWindow'), greenery),
    ...pictures.map(({ name, url }) => picture(`site:${url}`, name, url)),
    ...videos.map(({ name, url, poster }) => ({ kind: 'video' as const, id: `site:${url}`, name, source: url, own: false, ...(poster === undefined ? {} : { poster }) })),
    colour(text('colourSlate'), '#3a4654'),
    colour(text('colourForest'), '#2f5d50'),
    colour(text('colourSand'), '#cbb796'),
    colour(text('colourWhite'), '#f2f2ef'),
  ];
};
