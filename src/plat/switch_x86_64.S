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
	/* Keep this stack's place, go to the other's. */
	.macro exchange
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
	.endm

	.globl plat_switch
	.hidden plat_switch
	.type plat_switch, @function
	.p2align 4
plat_switch:		/* rdi: where to keep this stack's place; rsi: the other's place */
	.cfi_startproc
	exchange
	ret
	.cfi_endproc
	.size plat_switch, . - plat_switch

	/* The same, with an answer for the other side, and as the last thing that its caller does (a
	 * tail call): it leaves by a jump.  A generator and who advances it call from two places, so
	 * a return would be predicted to go to the wrong one each time; where the jump goes is
	 * predicted by where it went before.  Its price: the call that led here is never returned
	 * from, so the next return further up is mispredicted. */
	.globl plat_cross
	.hidden plat_cross
	.type plat_cross, @function
	.p2align 4
plat_cross:		/* as above; edx: the answer */
	.cfi_startproc
	movl %edx, %eax
	exchange
	popq %rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	jmpq *%rcx
	.cfi_endproc
	.size plat_cross, . - plat_cross

	/* The outermost frame of a stack: r12 holds the function, r13 its argument, as
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
