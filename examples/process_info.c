/* process_info.c - the student manual's three processes, and who is whose parent.  Its parent for
 * the system is the zygote that it was forked from; tl_parent_pid names the program that started
 * it.  In Python a process imports the module again, hence the name's line; here it never comes to
 * main. */
#include <stdio.h>
#include <telar.h>
#include <unistd.h>

static void info(const char *title)
{
	printf("%s\n", title);
	printf("Nombre del módulo: %s\n", "__main__");
	printf("Proceso padre: %d\n", tl_parent_pid());
	printf("ID del proceso %d\n", getpid());
}

static int tarea(void *id)
{
	printf("Tarea %d: proceso %d, iniciado por %d\n", *(int *)id, getpid(), tl_parent_pid());
	return 0;
}

int main(void)
{
	tl_strand subproceso[3];

	info("Iniciamos los procesos");
	for (int i = 1; i <= 3; i++)
		tl_process_start(
			NULL, tarea, &i, &(tl_opts){ .copy = sizeof i, .ret = &subproceso[i - 1] });
	for (int i = 0; i < 3; i++)
		tl_join(subproceso[i], NULL, TL_NEVER);
	printf("Los subprocesos han finalizado...\n");
	return tl_finish();
}
