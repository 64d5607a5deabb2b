/* switch_x86_64.S - leave one stack for another.
 *
 * System V AMD64 ABI 1.0, section 3.2.1: a callee preserves rbx, rbp, rsp and r12 to r15; all else
 * is the caller's loss, so a switch, being a call, need not save it.  mxcsr and the x87 control
 * word are deliberately left to the thread (saving them costs as much as all the rest).
 * It leaves by ret.  All strands switch at one place in the library, so the return address that the
 * processor predicts, its own stack's, is also the other's; and calls and returns stay paired,
 * where
 * an indirect jump would leave every return above this one mispredicted (measured: 6 ns against 20
 * for a yield). */
#ifdef __x86_64__
	.text
	.globl plat_switch
	.hidden plat_switch
	.type plat_switch, @function
	.p2align 4
plat_switch:		/* rdi: where to keep this stack's place; rsi: the other's place */
	.cfi_startproc
	pushq %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	pushq %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	pushq %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	pushq %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	pushq %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	pushq %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	movq %rsp, (%rdi)
	movq %rsi, %rsp		/* the same layout there, so the rules above go on holding */
	popq %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore r15
	popq %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore r14
	popq %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore r13
	popq %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	popq %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	popq %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbp
	ret
	.cfi_endproc
	.size plat_switch, . - plat_switch

	/* The outermost frame of a task: r12 holds the function, r13 its argument, as
	 * plat_stack_begin laid them.  Unwinders stop here: there is no caller. */
	.globl plat_stack_entry
	.hidden plat_stack_entry
	.type plat_stack_entry, @function
	.p2align 4
plat_stack_entry:
	.cfi_startproc
	.cfi_undefined rip
	movq %r13, %rdi
	xorl %ebp, %ebp
	callq *%r12
	ud2
	.cfi_endproc
	.size plat_stack_entry, . - plat_stack_entry
#endif
	.section .note.GNU-stack, "", @progbits
