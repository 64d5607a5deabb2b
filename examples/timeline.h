/* timeline.h - who ran when: the states that strands have noted of themselves, drawn as a picture
 * (SVG) and as a page around it (HTML), both whole in themselves: no script, no network.
 *
 * A timeline is one way of doing the work.  It has a lane per strand, a lane has marks in the order
 * of time: from here on it is in this state, until the next mark; the last is TL_ENDED.  Lanes have
 * no gaps therefore.  All timelines are drawn to one scale, one below the other.
 * What the picture is for: where running stretches of different lanes lie one above the other the
 * strands are parallel; where they take turns, concurrent. */
#ifndef TIMELINE_H
#define TIMELINE_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <telar.h>

struct mark {
	int64_t at; /* nanoseconds since the work began */
	uint8_t state, step;
	int who; /* for whom */
};

struct lane {
	char name[32];
	struct mark *marks;
	int n, room;
};

struct timeline {
	const char *name;
	const char *const *steps; /* their names, from 1 */
	int jobs, n;              /* how many were done; how many lanes */
	struct lane *lanes;
	int64_t length;
	long memory; /* KiB at the most */
	int at_once; /* how many ran at once, at the most: timeline_measure */
};

enum {
	LANES = 24,  /* so many are drawn at most */
	DETAIL = 12, /* up to so many are tall enough for words */
	LEFT = 120,  /* pixels: names stand here */
	WIDTH = 840, /* and the time here */
	COLUMN = 2,  /* what is counted is counted for so many */
	COLUMNS = WIDTH / COLUMN,
	STATES = TL_ENDED + 1
};

static const struct {
	const char *key, *text;
	double height; /* of the bar: colour is not all that tells */
} looks[STATES] = {
	[TL_CREATED] = { "created", "creado", .6 },
	[TL_READY] = { "ready", "listo", .6 },
	[TL_RUNNING] = { "running", "en ejecución", 1 },
	[TL_BLOCKED] = { "blocked", "bloqueado", .3 },
	[TL_ENDED] = { "ended", "terminado", .1 },
};

/* -- marks and counts */

/* A state that has lasted for no time is none, and one that goes on is one. */
static void lane_mark(struct lane *l, int64_t at, int state, int step, int who)
{
	const struct mark *last;

	l->n -= l->n && l->marks[l->n - 1].at == at;
	last = l->n ? &l->marks[l->n - 1] : NULL;
	if (last && last->state == state && last->step == step && last->who == who)
		return;
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->marks = realloc(l->marks, (size_t)l->room * sizeof *l->marks);
		if (!l->marks)
			abort();
	}
	l->marks[l->n++] = (struct mark){ at, (uint8_t)state, (uint8_t)step, who };
}

static void timeline_free(struct timeline *t)
{
	for (int i = 0; i < t->n; i++)
		free(t->lanes[i].marks);
	free(t->lanes);
}

static int64_t lane_end(const struct timeline *t, const struct lane *l, int i)
{
	return i + 1 < l->n ? l->marks[i + 1].at : t->length;
}

struct change {
	int64_t at;
	int by;
};

/* Ends before beginnings: who takes over does not run beside the one before. */
static int earlier(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->by - y->by;
}

/* When how many more or fewer ran, over all lanes, in the order of time. */
static struct change *changes(const struct timeline *t, int *ret_n)
{
	struct change *c;
	int n = 0;

	for (int i = 0; i < t->n; i++)
		n += t->lanes[i].n;
	c = calloc((size_t)n * 2 + 1, sizeof *c);
	if (!c)
		abort();
	n = 0;
	for (int i = 0; i < t->n; i++)
		for (int k = 0; k < t->lanes[i].n; k++)
			if (t->lanes[i].marks[k].state == TL_RUNNING) {
				c[n++] = (struct change){ t->lanes[i].marks[k].at, 1 };
				c[n++] = (struct change){ lane_end(t, &t->lanes[i], k), -1 };
			}
	qsort(c, (size_t)n, sizeof *c, earlier);
	*ret_n = n;
	return c;
}

/* How many ran at once: at the most of all, and in each column of a picture of length `scale`. */
static void count_running(const struct timeline *t, int64_t scale, int *all, int column[COLUMNS])
{
	int n, now = 0, at = 0;
	struct change *c = changes(t, &n);

	*all = 0;
	for (int i = 0; i < n; i++) {
		int to = scale ? (int)((double)c[i].at / (double)scale * COLUMNS) : 0;

		for (to = to < COLUMNS ? to : COLUMNS - 1; at < to;)
			column[++at] = now;
		now += c[i].by;
		column[at] = column[at] > now ? column[at] : now;
		*all = *all > now ? *all : now;
	}
	free(c);
}

static void timeline_measure(struct timeline *t)
{
	int column[COLUMNS] = { 0 };

	count_running(t, t->length, &t->at_once, column);
}

/* How many are in which state, on the average of each column. */
static void count_states(const struct timeline *t, int64_t scale, double share[COLUMNS][STATES])
{
	double width = (double)scale / COLUMNS;

	for (int i = 0; i < t->n; i++)
		for (int k = 0; k < t->lanes[i].n; k++) {
			double from = (double)t->lanes[i].marks[k].at / width;
			double to = (double)lane_end(t, &t->lanes[i], k) / width;

			for (int c = (int)from; c < COLUMNS && c < to; c++)
				share[c][t->lanes[i].marks[k].state] +=
					(to < c + 1 ? to : c + 1) - (from > c ? from : c);
		}
}

/* -- the picture */

static const char style[] =
	"<style>\n"
	".tl text{font:12px system-ui,sans-serif;fill:#1c2128}\n"
	".tl .tl-soft{font-size:11px;fill:#57606a}.tl .tl-step{font-size:9px;fill:#57606a}\n"
	".tl .tl-head{font-size:15px;font-weight:600}\n"
	".tl-paper{fill:#fff}.tl-grid{stroke:#d8dee4;stroke-width:1}\n"
	".tl-created{fill:none;stroke:#57606a;stroke-width:1;stroke-dasharray:3 2}\n"
	".tl-ready{fill:url(#tl-hatch);stroke:#9a6700;stroke-width:.5}\n"
	".tl-under{fill:#ffdf9e}.tl-hatch{stroke:#9a6700;stroke-width:1.6}\n"
	".tl-running,.tl-count{fill:#0b61a4}.tl-blocked{fill:#8692a2}.tl-ended{fill:#57606a}\n"
	".tl-area path{stroke:none}.tl-area .tl-created{fill:#eef1f4}\n"
	".tl-area .tl-ended{fill:#d8dee4}\n"
	"@media(prefers-color-scheme:dark){\n"
	".tl text{fill:#e6edf3}.tl .tl-soft,.tl .tl-step{fill:#9aa7b4}\n"
	".tl-paper{fill:#0f1419}.tl-grid{stroke:#2b333c}.tl-created{stroke:#9aa7b4}\n"
	".tl-ready{stroke:#f0b849}.tl-under{fill:#5c430f}.tl-hatch{stroke:#f0b849}\n"
	".tl-running,.tl-count{fill:#5cb3ff}.tl-blocked{fill:#76859a}.tl-ended{fill:#9aa7b4}\n"
	".tl-area .tl-created{fill:#1b222a}.tl-area .tl-ended{fill:#2b333c}}\n"
	"</style>\n"
	"<defs><pattern id=\"tl-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"\n"
	" patternTransform=\"rotate(45)\"><rect class=\"tl-under\" width=\"5\" height=\"5\"/>\n"
	"<path class=\"tl-hatch\" d=\"M1 0v5\"/></pattern></defs>\n";

static double x_of(int64_t at, int64_t scale) { return LEFT + (double)at / (double)scale * WIDTH; }

static int drawn(const struct timeline *t) { return t->n < LANES ? t->n : LANES; }
static double lane_height(const struct timeline *t) { return drawn(t) <= DETAIL ? 28 : 14; }

static const char *verdict(const struct timeline *t)
{
	return t->n == 1        ? "secuencial: uno tras otro"
	       : t->at_once > 1 ? "paralelo: varios en ejecución a la vez"
				: "concurrente: se alternan, nunca dos en ejecución a la vez";
}

static void draw_words(FILE *f, const struct lane *l, const struct mark *m, double x, double y,
	double width, const char *step)
{
	char words[64];
	int n = 0;

	if (l->marks[0].who != l->marks[l->n - 1].who)
		n = snprintf(words, sizeof words, "%d: %s", m->who, step);
	if (!n || n * 5 > width)
		n = snprintf(words, sizeof words, "%s", step);
	if (n * 5 <= width)
		fprintf(f, "<text class=\"tl-step\" x=\"%.2f\" y=\"%.2f\">%s</text>\n", x + 2, y,
			words);
}

/* A moment of running between two waits is drawn a pixel wide at least, or nobody would see it. */
static double seen_width(const struct lane *l, int i, double width)
{
	bool moment = l->marks[i].state == TL_RUNNING && i + 1 < l->n &&
		      l->marks[i + 1].state != TL_READY;

	return moment && width < 1 ? 1 : width;
}

static void draw_lane(
	FILE *f, const struct timeline *t, const struct lane *l, double y, int64_t scale)
{
	double room = lane_height(t), bar = room - 8 > 10 ? room - 8 : 10;

	fprintf(f, "<g class=\"tl-lane\" data-name=\"%s\">\n", l->name);
	fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 8,
		y + room / 2 + 4, l->name);
	for (int i = 0; i < l->n; i++) {
		const struct mark *m = &l->marks[i];
		int64_t to = lane_end(t, l, i);
		double x = x_of(m->at, scale), width = x_of(to, scale) - x;
		double height = bar * looks[m->state].height;

		if (to == m->at)
			continue;
		fprintf(f,
			"<rect class=\"tl-%s\" data-state=\"%s\" data-from=\"%lld\" "
			"data-to=\"%lld\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\">",
			looks[m->state].key, looks[m->state].key, (long long)m->at, (long long)to,
			x, y + (room - height) / 2, seen_width(l, i, width), height);
		fprintf(f, "<title>Alumno %d, %s: %s de %.4f s a %.4f s</title></rect>\n", m->who,
			t->steps[m->step], looks[m->state].text, (double)m->at / 1e9,
			(double)to / 1e9);
		if (m->state == TL_BLOCKED && room > 20)
			draw_words(f, l, m, x, y + room / 2 - 5, width, t->steps[m->step]);
	}
	fprintf(f, "</g>\n");
}

/* How many ran at once, over all lanes, drawn or not. */
static void draw_count(FILE *f, const struct timeline *t, double y, int64_t scale)
{
	int column[COLUMNS] = { 0 }, all, last = 0;
	double unit;

	count_running(t, scale, &all, column);
	unit = 24.0 / (all ? all : 1);
	fprintf(f,
		"<text class=\"tl-soft\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">a la vez</text>\n",
		LEFT - 8, y + 18);
	fprintf(f, "<path class=\"tl-count\" data-at-once=\"%d\" d=\"M%d %.1f", all, LEFT, y + 26);
	for (int c = 0; c < COLUMNS; c++) {
		if (column[c] != last)
			fprintf(f, "H%dV%.1f", LEFT + c * COLUMN, y + 26 - unit * column[c]);
		last = column[c];
	}
	fprintf(f, "H%dV%.1fZ\"><title>En ejecución a la vez: hasta %d</title></path>\n",
		LEFT + WIDTH, y + 26, all);
}

/* Where lanes are left out: how many of all are in which state, one upon the other. */
static void draw_states(FILE *f, const struct timeline *t, double y, int64_t scale)
{
	static const int order[] = { TL_RUNNING, TL_READY, TL_BLOCKED, TL_CREATED, TL_ENDED };
	double share[COLUMNS][STATES] = { 0 }, below[COLUMNS] = { 0 };
	int columns = (int)((double)t->length / (double)scale * COLUMNS);

	count_states(t, scale, share);
	fprintf(f,
		"<text class=\"tl-soft\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">los %d</text>\n",
		LEFT - 8, y + 34, t->n);
	fprintf(f, "<g class=\"tl-area\">\n");
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		fprintf(f, "<path class=\"tl-%s\" d=\"M%d %.1f", looks[order[i]].key, LEFT, y + 60);
		for (int c = 0; c < columns; c++)
			fprintf(f, "L%d %.1f", LEFT + c * COLUMN, y + 60 - 60 * below[c] / t->n);
		for (int c = columns - 1; c >= 0; c--) {
			below[c] += share[c][order[i]];
			fprintf(f, "L%d %.1f", LEFT + c * COLUMN, y + 60 - 60 * below[c] / t->n);
		}
		fprintf(f, "Z\"><title>%s</title></path>\n", looks[order[i]].text);
	}
	fprintf(f, "</g>\n");
}

/* Seconds from one line of the grid to the next: 1, 2 or 5 of a power of ten. */
static double grid_step(double seconds)
{
	double step = 1e-6;

	for (int i = 0; seconds / step > 10; i++)
		step *= i % 3 == 1 ? 2.5 : 2;
	return step;
}

static void draw_grid(FILE *f, double y, double height, int64_t scale)
{
	double seconds = (double)scale / 1e9, step = grid_step(seconds);

	for (int i = 0; i * step <= seconds; i++) {
		double x = LEFT + i * step / seconds * WIDTH;

		fprintf(f, "<path class=\"tl-grid\" d=\"M%.1f %.1fv%.1f\"/>\n", x, y, height);
		fprintf(f,
			"<text class=\"tl-soft\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">"
			"%g s</text>\n",
			x, y + height + 14, i * step);
	}
}

static double lanes_height(const struct timeline *t)
{
	return drawn(t) * lane_height(t) + 38 + (drawn(t) < t->n ? 70 : 0);
}

static double panel_height(const struct timeline *t) { return 50 + lanes_height(t) + 44; }

static void draw_panel(FILE *f, const struct timeline *t, double y, int64_t scale)
{
	int lanes = drawn(t);
	double below;

	fprintf(f,
		"<g class=\"tl-panel\" data-way=\"%s\" data-strands=\"%d\" data-drawn=\"%d\" "
		"data-length=\"%lld\">\n",
		t->name, t->n, lanes, (long long)t->length);
	fprintf(f, "<text class=\"tl-head\" x=\"8\" y=\"%.1f\">%s: %d alumnos en %.2f s</text>\n",
		y + 18, t->name, t->jobs, (double)t->length / 1e9);
	fprintf(f, "<text class=\"tl-soft\" x=\"8\" y=\"%.1f\">%s", y + 36, verdict(t));
	if (lanes < t->n)
		fprintf(f, "; se dibujan %d de %d carriles, quedan fuera %d", lanes, t->n,
			t->n - lanes);
	fprintf(f, "</text>\n");
	draw_grid(f, y + 46, lanes_height(t), scale);
	for (int i = 0; i < lanes; i++)
		draw_lane(f, t, &t->lanes[(long)i * t->n / lanes], y + 46 + i * lane_height(t),
			scale);
	below = y + 50 + lanes * lane_height(t);
	if (lanes < t->n) {
		draw_states(f, t, below, scale);
		below += 70;
	}
	draw_count(f, t, below, scale);
	fprintf(f, "</g>\n");
}

static const char legend[] = "<text class=\"tl-soft\" x=\"8\" y=\"48\">Paralelo: tramos en "
			     "ejecución de carriles distintos \n"
			     "coinciden en el tiempo.  Concurrente: se alternan.  Secuencial: hay "
			     "un solo carril.</text>\n"
			     "<text class=\"tl-soft\" x=\"8\" y=\"64\">Una ejecución brevísima se "
			     "dibuja de un píxel de \n"
			     "ancho; el puntero sobre un tramo dice sus tiempos exactos.</text>\n";

static void draw_legend(FILE *f)
{
	for (int s = TL_CREATED; s <= TL_ENDED; s++) {
		int x = 8 + (s - 1) * 150;
		double height = 18 * looks[s].height;

		fprintf(f,
			"<rect class=\"tl-%s\" x=\"%d\" y=\"%.1f\" width=\"34\" "
			"height=\"%.1f\"/>\n",
			looks[s].key, x, 18 - height / 2, height);
		fprintf(f, "<text x=\"%d\" y=\"22\">%s</text>\n", x + 42, looks[s].text);
	}
	fputs(legend, f);
}

/* All of them as one SVG picture.  0, or -1 when the file could not be written. */
static int timeline_svg(FILE *f, const struct timeline *t, int n)
{
	int64_t scale = 1;
	double height = 84, y = 84;

	for (int i = 0; i < n; i++) {
		scale = t[i].length > scale ? t[i].length : scale;
		height += panel_height(&t[i]);
	}
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tl\" viewBox=\"0 0 %d %.0f\" "
		"role=\"img\" aria-labelledby=\"tl-title tl-desc\">\n"
		"<title id=\"tl-title\">Quién se ejecutó y cuándo</title>\n<desc id=\"tl-desc\">",
		LEFT + WIDTH + 24, height);
	for (int i = 0; i < n; i++)
		fprintf(f,
			"%s: %d alumnos en %.2f segundos, hasta %d en ejecución a la vez (%s).  ",
			t[i].name, t[i].jobs, (double)t[i].length / 1e9, t[i].at_once,
			verdict(&t[i]));
	fprintf(f, "</desc>\n%s<rect class=\"tl-paper\" width=\"100%%\" height=\"100%%\"/>\n",
		style);
	draw_legend(f);
	for (int i = 0; i < n; y += panel_height(&t[i++]))
		draw_panel(f, &t[i], y, scale);
	fprintf(f, "</svg>\n");
	return ferror(f) ? -1 : 0;
}

/* -- the page */

static const char page[] =
	"<!doctype html>\n<html lang=\"es\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<title>3000 comprobantes: secuencial, concurrente, paralelo</title>\n<style>\n"
	"body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#fff;color:#1c2128}\n"
	"main{max-width:1080px;margin:auto;padding:24px}h1{font-size:26px;line-height:1.2}\n"
	"table{border-collapse:collapse;margin:20px 0}caption{text-align:left;color:#57606a}\n"
	"th,td{padding:6px 18px 6px 0;text-align:right;border-bottom:1px solid #d8dee4;\n"
	"font-variant-numeric:tabular-nums}th:first-child,:last-child{text-align:left}\n"
	"figure{margin:0;overflow-x:auto}figure svg{display:block;min-width:760px;width:100%}\n"
	"@media(prefers-color-scheme:dark){body{background:#0f1419;color:#e6edf3}\n"
	"caption{color:#9aa7b4}th,td{border-color:#2b333c}}\n"
	"</style></head><body><main>\n<h1>Comprobantes: una misma tarea, de varias formas</h1>\n"
	"<p>Cada alumno adjunta su comprobante; el sistema lo valida, lo sube (el paso que "
	"bloquea)\n"
	"y envía la notificación: 2.7 segundos.  Cada carril es un hilo o una tarea que anotó sus\n"
	"propios estados mientras trabajaba.</p>\n"
	"<table><caption>Lo medido</caption><thead><tr><th scope=\"col\">forma</th>"
	"<th scope=\"col\">alumnos</th><th scope=\"col\">tiempo</th><th scope=\"col\">memoria</th>"
	"<th scope=\"col\">a la vez</th><th scope=\"col\">se ve</th></tr></thead><tbody>\n";

/* The same as a page of its own, with the table.  0, or -1 when the file could not be written. */
static int timeline_html(FILE *f, const struct timeline *t, int n)
{
	fputs(page, f);
	for (int i = 0; i < n; i++)
		fprintf(f,
			"<tr><th scope=\"row\">%s</th><td>%d</td><td>%.2f s</td><td>%.1f MiB</td>"
			"<td>%d</td><td>%s</td></tr>\n",
			t[i].name, t[i].jobs, (double)t[i].length / 1e9, (double)t[i].memory / 1024,
			t[i].at_once, verdict(&t[i]));
	fprintf(f, "</tbody></table>\n<figure tabindex=\"0\" aria-label=\"Línea de tiempo\">\n");
	timeline_svg(f, t, n);
	fprintf(f, "</figure>\n</main></body></html>\n");
	return ferror(f) ? -1 : 0;
}
#endif
